"""Codes of currencies, countries and states, as Meta wants them."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(text: str) -> dict[str, str]:
    """Read `code=name` pairs into names and their codes."""
    pairs = (pair.partition("=") for pair in text.split())
    return {name: code for code, _, name in pairs}


#: ISO 4217.
CURRENCIES: Final = _words(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD
    FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS
    KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN
    MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
    SDG SEK SGD SHP SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN
    UYI UYU UYW UZS VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT XSU XTS XUA XXX
    YER ZAR ZMW ZWC
    """
)
#: The United States, names in lower case without blanks.
STATES: Final = _pairs(
    """
    al=alabama ak=alaska az=arizona ar=arkansas ca=california co=colorado ct=connecticut de=delaware
    fl=florida ga=georgia hi=hawaii id=idaho il=illinois in=indiana ia=iowa ks=kansas ky=kentucky
    la=louisiana me=maine md=maryland ma=massachusetts mi=michigan mn=minnesota ms=mississippi
    mo=missouri mt=montana ne=nebraska nv=nevada nh=newhampshire nj=newjersey nm=newmexico ny=newyork
    nc=northcarolina nd=northdakota oh=ohio ok=oklahoma or=oregon pa=pennsylvania ri=rhodeisland
    sc=southcarolina sd=southdakota tn=tennessee tx=texas ut=utah vt=vermont va=virginia wa=washington
    wv=westvirginia wi=wisconsin wy=wyoming
    """
)
#: ISO 3166, names in lower case without blanks.
COUNTRIES: Final = _pairs(
    """
    af=afghanistan ax=alandislands al=albania dz=algeria as=americansamoa ad=andorra ao=angola
    ai=anguilla aq=antarctica ag=antiguaandbarbuda ar=argentina am=armenia aw=aruba au=australia
    at=austria az=azerbaijan bs=bahamas bh=bahrain bd=bangladesh bb=barbados by=belarus be=belgium
    bz=belize bj=benin bm=bermuda bt=bhutan bo=bolivia ba=bosniaandherzegovina bw=botswana
    bv=bouvetisland br=brazil io=britishindianoceanterritory bn=bruneidarussalam bg=bulgaria
    bf=burkinafaso bi=burundi kh=cambodia cm=cameroon ca=canada cv=capeverde ky=caymanislands
    cf=centralafricanrepublic td=chad cl=chile cn=china cx=christmasisland cc=cocos(keeling)islands
    co=colombia km=comoros cg=congo cd=congo,democraticrepublic ck=cookislands cr=costarica
    ci=coted'ivoire hr=croatia cu=cuba cy=cyprus cz=czechrepublic dk=denmark dj=djibouti dm=dominica
    do=dominicanrepublic ec=ecuador eg=egypt sv=elsalvador gq=equatorialguinea er=eritrea ee=estonia
    et=ethiopia fk=falklandislands(malvinas) fo=faroeislands fj=fiji fi=finland fr=france
    gf=frenchguiana pf=frenchpolynesia tf=frenchsouthernterritories ga=gabon gm=gambia ge=georgia
    de=germany gh=ghana gi=gibraltar gr=greece gl=greenland gd=grenada gp=guadeloupe gu=guam
    gt=guatemala gg=guernsey gn=guinea gw=guinea-bissau gy=guyana ht=haiti
    hm=heardisland&mcdonaldislands va=holysee(vaticancitystate) hn=honduras hk=hongkong hu=hungary
    is=iceland in=india id=indonesia ir=iran,islamicrepublicof iq=iraq ie=ireland im=isleofman il=israel
    it=italy jm=jamaica jp=japan je=jersey jo=jordan kz=kazakhstan ke=kenya ki=kiribati kr=korea
    kw=kuwait kg=kyrgyzstan la=laopeople'sdemocraticrepublic lv=latvia lb=lebanon ls=lesotho lr=liberia
    ly=libyanarabjamahiriya li=liechtenstein lt=lithuania lu=luxembourg mo=macao mk=macedonia
    mg=madagascar mw=malawi my=malaysia mv=maldives ml=mali mt=malta mh=marshallislands mq=martinique
    mr=mauritania mu=mauritius yt=mayotte mx=mexico fm=micronesia,federatedstatesof md=moldova mc=monaco
    mn=mongolia me=montenegro ms=montserrat ma=morocco mz=mozambique mm=myanmar na=namibia nr=nauru
    np=nepal nl=netherlands an=netherlandsantilles nc=newcaledonia nz=newzealand ni=nicaragua ne=niger
    ng=nigeria nu=niue nf=norfolkisland mp=northernmarianaislands no=norway om=oman pk=pakistan pw=palau
    ps=palestine ps=palestinianterritory,occupied pa=panama pg=papuanewguinea py=paraguay pe=peru
    ph=philippines pn=pitcairn pl=poland pt=portugal pr=puertorico qa=qatar re=reunion ro=romania
    ru=russianfederation rw=rwanda bl=saintbarthelemy sh=sainthelena kn=saintkittsandnevis lc=saintlucia
    mf=saintmartin pm=saintpierreandmiquelon vc=saintvincentandgrenadines ws=samoa sm=sanmarino
    st=saotomeandprincipe sa=saudiarabia sn=senegal rs=serbia sc=seychelles sl=sierraleone sg=singapore
    sk=slovakia si=slovenia sb=solomonislands so=somalia za=southafrica gs=southgeorgiaandsandwichisl.
    es=spain lk=srilanka sd=sudan sr=suriname sj=svalbardandjanmayen sz=swaziland se=sweden
    ch=switzerland sy=syrianarabrepublic tw=taiwan tj=tajikistan tz=tanzania th=thailand tl=timor-leste
    tg=togo tk=tokelau to=tonga tt=trinidadandtobago tn=tunisia tr=turkey tm=turkmenistan
    tc=turksandcaicosislands tv=tuvalu ug=uganda ua=ukraine ae=unitedarabemirates gb=unitedkingdom
    us=unitedstates um=unitedstatesoutlyingislands uy=uruguay uz=uzbekistan vu=vanuatu ve=venezuela
    vn=vietnam vg=virginislands,british vi=virginislands,u.s. wf=wallisandfutuna eh=westernsahara
    ye=yemen zm=zambia zw=zimbabwe
    """
)
