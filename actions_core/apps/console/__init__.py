"""The console: a workspace in the browser, beside what delivers its events. Only this part needs NiceGUI."""
