"""The words that tasks are made of. What is copied is random; only how people ask is learned."""
import random

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

PLAIN = """wages costs expenses income bills taxes debts savings bonus loan stock shares market sales orders shipping returns
refund customers clients staff people friends family kids wife husband mother father sister brother uncle aunt cousin baby
house flat rooms bedroom bathroom cellar roof walls floor stairs shed yard lawn trees flowers seeds roses herbs
birthday wedding holiday holidays vacation trip flight journey weekend tomorrow today yesterday morning evening night
week month year years hours minutes days diary journal history memories wishes goals ideas thoughts dreams quotes words
names places things items tasks jobs chores errands shopping groceries meals menu recipes cake cookies pizza rice beans
eggs fish chicken beef pork milk juice wine beer fruit grapes cherries plums berries nuts oil vinegar salt spices
doctors hospital medicine pills vitamins health weight sleep exercise running cycling swimming tennis football chess
games toys cards puzzles books authors magazines articles essay thesis chapter outline draft review feedback survey
results answers questions quiz exam grades homework lessons course class students teachers lecture lab science maths
physics chemistry biology geography english german french spanish latin songs lyrics band album lists playlist radio
movies series actors pictures photos videos images icons fonts colours paint brushes tools screws nails hammer drill
cars engine tyres brakes garage parking keys tickets maps routes roads streets towns villages countries cities borders
weather climate wind temperature pressure sensors device devices battery charger cable screen keyboard mouse printer
computer network internet website pages links login passwords secrets tokens access rights rules policy terms legal
contact contacts phones numbers emails messages chat posts comments likes followers profile settings config defaults
main utils common core base shared public private static assets styles scripts vendor modules packages library example
examples samples demo tests spec specs fixtures mocks data dataset training metrics stats summary totals counts sums
input output source target origin backup old copy final latest current next previous first second third last
about above after again all also always and any are around as at away back because been before behind below between
both but by call can change could does done down each else end even ever every few find for from full get give go
good great had has have her here him his how if in into is it its just keep kind know left less like line little long
look made make many may me might more most much must my near need never new no not now of off on once one only open or
other our out over own part put quite rather read right run said same see seen set she should show side since so some
soon still such take than that the their them then there these they this those though through till to together too
top turn two under until up upon us use used very was way we well went were what when where which while who why will
with without work world would yes yet you your""".split()

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


class Alike(random.Random):
    """Draws what looks alike: few words that come again and again, and more of everything. For training only: what is
    copied has to be followed by where it stands, not by what the word before it was."""

    def __init__(self, seed):
        super().__init__(seed)
        self.odd = self.choice([0, .4, .8])
        self.words = [odd(self) if self.random() < self.odd else word(random.Random(f"{seed} {i}")) for i in range(self.choice([2, 3, 4, 6]))]
        self.share, self.kind = self.choice([0, .3, .5, .8]), self.randrange(4)


def odd(r):
    """A word as people use them, or of pieces of such words: every token comes in some of them, behind any other."""
    if r.random() < .35:
        return r.choice(PLAIN)
    s = ""
    while len(s) < r.choice([3, 4, 5, 6, 8]):
        w = r.choice(COMMON if r.random() < .6 else PLAIN)
        i = r.randrange(len(w))
        s += w[i:i + r.choice([1, 2, 3, 4, 9])]
    return s


def more(r, n):
    """So many more, where things are to look alike."""
    return n if isinstance(r, Alike) else 0


def word(r):
    """Half of all words were never seen before."""
    if isinstance(r, Alike):
        if r.random() < r.share:
            return r.choice(r.words)
        if r.random() < r.odd:
            return odd(r)
    w = r.choice(COMMON) if r.random() < .5 else random_word(r)
    return w if len(w) > 2 else w + r.choice(["na", "ro", "lim"])


def proper(r):
    return word(r).capitalize()


def messy(r):
    """Words, numbers and signs in no order: copying must not lean on grammar."""
    parts = []
    for _ in range(r.randint(3, 8)):
        if parts and r.random() < .1:  # a word again: copying must look further back than one
            parts.append(r.choice(parts))
            continue
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
