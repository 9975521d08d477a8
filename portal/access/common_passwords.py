"""Words and rows of keys that everybody tries first; `passwords` undoes the usual decoration before it looks here."""

from __future__ import annotations

_WORDS = """
password passwort passw pass passphrase letmein welcome welcomehome admin administrator adminadmin root
qwerty qwertyuiop qwertyuiopas asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc qweasd qweasdzxc azerty
iloveyou ilovegod sunshine princess football baseball cricket monkey dragon master superman batman trustno
shadow michael jennifer jordan hunter ranger buster soccer hockey killer george charlie andrew love secret
summer winter spring autumn monday friday login signin abc abcdef abcdefgh abcdefghi abcdefghijkl abcd
changeme changeit change default guest user test testing tester tested computer internet samsung google
facebook whatsapp instagram hello helloworld freedom whatever india indian bharat mumbai delhi bangalore
bengaluru chennai kolkata hyderabad jaihind jaimatadi saibaba krishna shivshakti ganesh lakshmi portal agency
agencyportal partner partnerportal agencypartner agencypartnerportal collection collections recovery bank
banking bankbank finance auditor correcthorsebatterystaple company office demo demodemo temp temporary
newpassword mypassword thepassword oldpassword yourpassword passwordpassword iloveyouforever unknown starwars
liverpool chelsea arsenal manchester barcelona realmadrid pokemon 123456789012 1234567890123 12345678901234
123456789012345 1234567890123456 012345678901 0123456789012 098765432109 987654321098 111111111111
000000000000 123123123123 112233445566 121212121212 147258369147 123456123456 123454321234 qwerty123456
1q2w3e4r5t6y 1qaz2wsx3edc 1qaz2wsx3edc4rfv q1w2e3r4t5y6 1q2w3e4r5t6y7u8i9o0p zaq12wsxcde3 zaq1zaq1zaq1
abc123abc123 a1b2c3d4e5f6 abcd12345678 qwer1234qwer asdf1234asdf 1234qwerasdf qwertyuiop12 asdfghjkl123
"""
COMMON = frozenset(_WORDS.split())
