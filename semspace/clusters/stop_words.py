"""Words without a subject, of several languages: they name no group."""

from __future__ import annotations

from functools import cache

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from semspace import checks

LANGUAGE_CODES = {
    "de": "german", "en": "english", "es": "spanish", "fr": "french", "it": "italian", "nl": "dutch", "pt": "portuguese"
}  # fmt: skip
# Words that no list of English stop words has.
_MORE_ENGLISH = "said says say don does did didn isn wasn aren won can doesn couldn wouldn just like"
# Articles, pronouns, prepositions, conjunctions, auxiliary verbs and common adverbs of at least three letters.
_WORDS = {
    "german": """
        aber alle allem allen aller alles als also andere anderen anderer anderes auch auf aus bei beim bereits bin bis
        bist bitte dabei dadurch dafür dagegen daher damit danach dann daran darauf darf darin darum darüber das dass
        daß davon dazu dein deine dem den denen denn der deren des deshalb dessen dich die dies diese diesem diesen
        dieser dieses dir doch dort durch durfte ein eine einem einen einer eines einige einmal etwa etwas euch euer
        für ganz gegen gehabt gewesen gibt habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem
        ihren ihrer immer ins ist jede jedem jeden jeder jedes jedoch jetzt kann kein keine keinem keinen keiner können
        könnte machen man mehr mein meine meinem meinen meiner mich mir mit möchte muss musste müssen nach neben nein
        nicht nichts noch nun nur oder ohne schon sehr sei sein seine seinem seinen seiner seit sich sie sind sobald
        sollte sondern sonst sowie über und uns unser unsere unter viel viele vom von vor wann war waren warum was weil
        welche welchem welchen welcher welches wenn wer werde werden wegen wie wieder will wir wird wirst wollen worden
        wurde wurden während würde würden zum zur zwar zwischen
    """,
    "spanish": """
        algo algunas algunos ante antes aquel aquella aquello así aún aunque bien cada casi como cómo con contra cosas
        cual cuál cuando cuándo de del desde donde dónde dos durante ella ellas ellos entonces entre era eran eres esa
        esas ese eso esos esta está estaba estado están estar estas este esto estos estoy fue fueron gracias había
        habían hace hacer hacia han hasta hay hola las les los más mas menos mis misma mismo mucho muchos muy nada
        ninguna ninguno nos nosotros nuestra nuestro nunca otra otras otro otros para pero poco
        podría por porque puede pueden
        puedo pues que qué quien quién quiero sea según ser será sería sido siempre sin sino sobre solo sólo son soy
        sus suya suyo también tampoco tan tanto tener tengo tenía tiene tienen toda todas todavía todo todos tras una
        unas uno unos usted ustedes vez vosotros
    """,
    "french": """
        afin ai ainsi alors après assez au aucun aucune aujourd'hui auprès aussi autre autres aux avait avant avec avez
        avoir avons beaucoup bien bonjour car ce ceci cela celle celles celui ces cet cette ceux chaque chez comme
        comment contre dans de depuis des donc dont du elle elles encore entre est était étaient étais été être eux
        faire fait faut fois font hors ici ils jamais jusque leur leurs lors lorsque mais malgré mes même mêmes merci
        mien moi moins mon ne ni non nos notre nous on ont ou où oui par parce parmi pas pendant peu peut plus plusieurs
        pour pourquoi pouvez puis quand que quel quelle quelles quels quelque quelques qui quoi sans sauf selon sera
        serait ses seulement si sien soit sommes son sont sous suis sur tandis tant tel telle tes toi ton toujours tous
        tout toute toutes très trop une vers voici voilà vos votre voudrais vous
    """,
    "italian": """
        abbiamo agli alcuni alla alle allo allora altre altri altro anche ancora avere aveva avevano ben bene che chi
        ciao cioè come con contro cosa così cui dagli dai dal dalla dalle dallo degli dei del della delle dello dentro
        dopo dove due ecco era erano essere fare fino fra gli già grazie hai hanno loro lui mai mia mie miei mio molti
        molto negli nei nel nella nelle nello nessun nessuno niente noi non nostra nostro nulla ogni oppure per perché
        più poco poi prima proprio può qua quale quali quando quanto quasi quella quelle quelli quello questa queste
        questi questo qui quindi sarà sarebbe sei sempre senza sia siamo sono sopra sotto stata stati stato stesso sua
        sue sugli sui sul sulla sulle suo suoi tra tua tue tuo tutta tutte tutti tutto una uno vorrei vostra vostro
    """,
    "portuguese": """
        agora ainda alguém algum alguma antes aos apenas após aquela aquele aquilo até bem cada com como contra das de
        depois desde dessa desse desta deste disso dos duas ela elas ele eles ela entre era eram essa essas esse esses
        esta está estão estar estas estava este estes estou eu foi foram fora há isso isto já las lhe lhes mais mas
        menos mesma mesmo meu meus minha minhas muito muitos nada não nas nem nessa nesse nesta neste ninguém nos nós
        nossa nosso num numa nunca obrigado obrigada olá onde ontem ou outra outras outro outros para pela pelas pelo
        pelos pode podem por porque porém posso pouco pra qual quais qualquer quando quanto que quem quero são se seja
        sem sempre ser será seria seu seus sido sob sobre sou sua suas também tanto tão tem têm tenho ter teve tinha
        toda todas todo todos tudo uma umas uns você vocês vez
    """,
    "dutch": """
        aan achter alle alleen alles als altijd andere anders ben bent bij binnen boven buiten daar daarna dan dat deze
        die dit doch doen door dus een eens elk elke enkele er geen geweest haar had hadden hallo heb hebben hebt heeft
        heel hem hen het hier hij hoe hun iemand iets ieder iedere ik in is jij jou jouw jullie kan kon konden kunnen
        maar maken meer meest men met mij mijn misschien moet moeten mogen naar naast niet niets nog omdat onder ons
        onze ook over reeds sinds sommige staan steeds te tegen tenzij terwijl tijdens toch toen tot tussen uit van
        vanaf veel verder via volgens voor vooral waar waarom want waren was wat weer wel welke werd werden wie wij
        wil willen worden wordt zal ze zeer zelf zelfs zich zij zijn zo zoals zonder zou zouden zullen
    """,
}  # fmt: skip
LANGUAGES = ("english", *sorted(_WORDS))


@cache
def words_of(language: str) -> frozenset[str]:
    """Return the stop words of a language in `LANGUAGES`."""
    if language == "english":
        return frozenset(ENGLISH_STOP_WORDS) | frozenset(_MORE_ENGLISH.split())
    return frozenset(_WORDS[language].split())


def checked_language(parameter: str, name: object) -> str:
    """Return the name of a language given by its name or its ISO 639-1 code, such as "de"; else raise `InputError`."""
    if isinstance(name, str) and name.strip().lower() in LANGUAGE_CODES:
        return LANGUAGE_CODES[name.strip().lower()]
    known = name.strip().lower() if isinstance(name, str) else name
    return checks.choice(f"a language in {parameter}", known, LANGUAGES)
