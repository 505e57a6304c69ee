// Sends so many events with Segment's own client for Node, and says how many it could not send.
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, maxRetries: 30 })
let failed = 0
analytics.on('error', () => { failed += 1 })

async function main() {
  for (let n = 0; n < Number(count); n++) {
    analytics.track({ userId: 'u-1', event: `E-${n}` })
    if (n % 15 === 14) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await analytics.closeAndFlush({ timeout: 180000 })
  process.stdout.write(JSON.stringify({ failed }))
}

main()
