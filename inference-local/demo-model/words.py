"""The words that tasks are made of. What is copied is random; only how people ask is learned."""

COMMON = """alpha beta gamma delta report notes budget invoice summary readme plan draft todo letter recipe travel music
photo garden winter summer river mountain ocean forest city bridge market school doctor teacher engineer artist piano
guitar violin coffee tea bread apple orange lemon banana table chair window door kitchen engine rocket planet star moon
sun rain snow storm cloud wind fire stone metal wood glass paper book page story poem song film camera phone laptop
server client router socket thread buffer cache queue stack tree graph node edge list map set string number index
search query filter sort merge split join group table column row field record schema model view controller service
handler parser lexer token symbol error warning debug trace log config setting option flag value key name address
email message account user admin owner guest member team project task issue bug feature release version branch commit
patch test check build deploy install update upgrade remove delete create write read open close start stop pause
resume yellow green blue purple silver golden brown black white small large quick slow happy quiet loud early late
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
october november december horse tiger eagle falcon dolphin whale rabbit fox wolf bear lion zebra panda otter badger
hotel ticket passport luggage airport station platform train bus ferry taxi bicycle museum theatre concert festival
party dinner breakfast lunch soup salad pasta cheese butter sugar honey pepper tomato potato onion garlic carrot
invoice payment salary pension insurance contract lawyer plumber painter dentist nurse pilot farmer baker butcher
budget rent food fuel water power heating clothes shoes jacket umbrella backpack blanket pillow candle lamp mirror
password locker safe box drawer shelf basement attic balcony fence gate path meadow valley island harbour lighthouse
agenda minutes meeting deadline schedule calendar reminder backup archive download upload folder image video audio
anna peter maria john lisa tom julia david emma paul clara simon laura felix nina oscar helen victor alice martin""".split()
COMMON = sorted(set(COMMON))

ONSETS = "b c d f g h j k l m n p r s t v w z br cr dr fl gr kl pl pr sh sk sl st th tr".split()
VOWELS = "a e i o u ai ea io ou".split()
CODAS = ["", "", "", "l", "m", "n", "r", "s", "t", "x", "nd", "rk"]

ADJECTIVES = "old new red blue small large quiet broken empty heavy warm cold bright late early spare missing lost wooden final".split()
NOUNS = "key bag box car house office garden printer ladder bicycle contract meeting parcel ticket report picture letter cat dog boat".split()
VERBS = "is stands was seen lies stays waits was left goes arrives".split()  # joined in pairs below
PLACES = ["in the kitchen", "under the table", "at the station", "behind the door", "near the river", "on the roof",
          "in the office", "at noon", "on Monday", "on Friday", "in the garden", "next to the gate", "on the second floor"]

ZONES = {"Tokyo": "Asia/Tokyo", "Paris": "Europe/Paris", "London": "Europe/London", "Berlin": "Europe/Berlin",
         "Madrid": "Europe/Madrid", "Rome": "Europe/Rome", "Oslo": "Europe/Oslo", "Vienna": "Europe/Vienna",
         "Moscow": "Europe/Moscow", "Istanbul": "Europe/Istanbul", "Shanghai": "Asia/Shanghai",
         "Beijing": "Asia/Shanghai", "Hong Kong": "Asia/Hong_Kong", "Singapore": "Asia/Singapore", "Seoul": "Asia/Seoul",
         "Dubai": "Asia/Dubai", "Mumbai": "Asia/Kolkata", "Delhi": "Asia/Kolkata", "Cairo": "Africa/Cairo",
         "Lagos": "Africa/Lagos", "Nairobi": "Africa/Nairobi", "Sydney": "Australia/Sydney",
         "New York": "America/New_York", "Chicago": "America/Chicago", "Denver": "America/Denver",
         "Los Angeles": "America/Los_Angeles", "Toronto": "America/Toronto", "Mexico City": "America/Mexico_City"}

# unit -> (dimension, factor to the base unit); temperatures are converted on their own
UNITS = {"mm": ("length", "0.001"), "cm": ("length", "0.01"), "m": ("length", "1"), "meters": ("length", "1"),
         "km": ("length", "1000"), "kilometers": ("length", "1000"), "inches": ("length", "0.0254"),
         "feet": ("length", "0.3048"), "yards": ("length", "0.9144"), "miles": ("length", "1609.344"),
         "g": ("mass", "0.001"), "grams": ("mass", "0.001"), "kg": ("mass", "1"), "kilograms": ("mass", "1"),
         "tonnes": ("mass", "1000"), "ounces": ("mass", "0.028349523125"), "pounds": ("mass", "0.45359237"),
         "ml": ("volume", "0.001"), "liters": ("volume", "1"), "litres": ("volume", "1"),
         "gallons": ("volume", "3.785411784"), "cups": ("volume", "0.2365882365"), "pints": ("volume", "0.473176473"),
         "seconds": ("time", "1"), "minutes": ("time", "60"), "hours": ("time", "3600"), "days": ("time", "86400"),
         "weeks": ("time", "604800"), "km/h": ("speed", "1000/3600"), "mph": ("speed", "1609.344/3600"),
         "celsius": ("temperature", ""), "fahrenheit": ("temperature", ""), "kelvin": ("temperature", "")}


def random_word(r):
    return "".join(r.choice(ONSETS) + r.choice(VOWELS) + r.choice(CODAS) for _ in range(r.choice([1, 2, 2, 2, 3])))


def word(r):
    """Half of all words were never seen before."""
    w = r.choice(COMMON) if r.random() < .5 else random_word(r)
    return w if len(w) > 2 else w + r.choice(["na", "ro", "lim"])


def proper(r):
    return word(r).capitalize()


def messy(r):
    """Words, numbers and signs in no order: copying must not lean on grammar."""
    parts = []
    for _ in range(r.randint(3, 8)):
        parts.append(r.choice([word, word, word, proper, lambda r: str(r.randint(0, 999)), lambda r: f"{r.randint(0, 23)}:{r.randint(10, 59)}"])(r)
                     + r.choice(["", "", "", "", ",", ":", ";", "!", " -", "."]))
    return " ".join(parts).rstrip(",:;- ") + r.choice([".", ".", ""])


def sentence(r):
    k = r.random()
    if r.random() < .18:
        return messy(r)
    if k < .35:
        s = f"The {r.choice(ADJECTIVES)} {r.choice(NOUNS)} of {proper(r)} is {r.choice(PLACES)}."
    elif k < .55:
        s = f"{proper(r)} meets {proper(r)} {r.choice(PLACES)}."
    elif k < .7:
        s = f"{proper(r)} costs {r.randint(1, 999)} and {word(r)} costs {r.randint(1, 999)}."
    else:
        s = " ".join(word(r) for _ in range(r.randint(2, 6)))
        s = s if r.random() < .5 else s[0].upper() + s[1:] + "."
    return s
