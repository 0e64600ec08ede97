"""Evaluation files: every published form is read without being told, and a bad line is named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation_cases import write

from firth.errors import ConfigError, FormatError
from firth.evaluation.analogies import Question
from firth.evaluation.categories import Member
from firth.evaluation.files import distinct_names, read_file, read_files
from firth.evaluation.oddity import Group
from firth.evaluation.parsing import Line, parse_pairs
from firth.evaluation.similarity import Pair

PAIRS = [Pair("love", "sex", 6.77), Pair("tiger", "cat", 7.35), Pair("book", "paper", 7.46)]
PLAIN = "love\tsex\t6.77\ntiger\tcat\t7.35\nbook\tpaper\t7.46\n"
SIMLEX = (
    "word1\tword2\tPOS\tSimLex999\tconc(w1)\tconc(w2)\tconcQ\tAssoc(USF)\tSimAssoc333\tSD(SimLex)\n"
    "love\tsex\tA\t6.77\t2.72\t2.81\t2\t7.25\t1\t0.41\n"
    "tiger\tcat\tN\t7.35\t1.75\t2.46\t1\t7.11\t1\t0.67\n"
    "book\tpaper\tN\t7.46\t3.76\t2.21\t2\t5.94\t1\t1.12\n"
)
SCWS = "".join(
    f"{number}\t{a}\tn\t{b}\tn\tthe <b> {a} </b> here , so\ta <b> {b} </b> , 3\t{score}\t10.0\t1.0\t9.0\n"
    for number, (a, b, score) in enumerate(PAIRS, 1)
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PLAIN, id="tabs"),
        pytest.param(PLAIN.replace("\t", ","), id="commas"),
        pytest.param(PLAIN.replace("\t", ";"), id="semicolons"),
        pytest.param(PLAIN.replace("\t", "   "), id="spaces"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(PLAIN.replace("\n", "\r"), id="CR"),
        pytest.param("\ufeff" + PLAIN, id="BOM"),
        pytest.param(PLAIN.rstrip("\n"), id="no last line end"),
        pytest.param("# a comment\n\n" + PLAIN.replace("\ntiger", "\n# more\n\ntiger"), id="comments"),
        pytest.param("Word 1,Word 2,Human (mean)\n" + PLAIN.replace("\t", ","), id="WordSim-353's header"),
        pytest.param("word1\tword2\tnonsense\n" + PLAIN, id="header of words"),
        pytest.param(SIMLEX, id="SimLex-999 in full"),
        pytest.param(PLAIN.replace("\n", "\t7\t6\t0\t7\n"), id="RW"),
        pytest.param(
            "love\tsex\tV\t6.77\tSYNONYMS\ntiger\tcat\tN\t7.35\tNONE\nbook\tpaper\tN\t7.46\tNONE\n",
            id="SimVerb",
        ),
        pytest.param("love_n sex_n 6.77\ntiger_n cat_n 7.35\nbook_n paper_n 7.46\n", id="MEN's lemmas"),
        pytest.param("love-v sex-n 6.77\ntiger-n cat-n 7.35\nbook-n paper-n 7.46\n", id="MEN's lemmas, dash"),
        pytest.param(SCWS, id="SCWS"),
        pytest.param("".join(f"{n},{a},{b},{s}\n" for n, (a, b, s) in enumerate(PAIRS)), id="numbered"),
        pytest.param('"love","sex","6.77"\n"tiger","cat","7.35"\n"book","paper","7.46"\n', id="quotes"),
    ],
)
def test_similarity_files(tmp_path: Path, text: str) -> None:
    found = read_file(write(tmp_path / "pairs.txt", text))
    assert found.kind == "similarity"
    assert list(found.items) == PAIRS


def test_a_suffix_that_not_all_words_have_belongs_to_the_word(tmp_path: Path) -> None:
    text = "plan_n cat_n 1\nplan_b dog_n 2\ncar_n road_n 4\n"
    assert read_file(write(tmp_path / "x", text)).items[1] == Pair("plan_b", "dog_n", 2.0)


_WORD = st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=8)
_SCORE = st.floats(-100, 100).map(lambda number: round(number, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_WORD, _WORD, _SCORE), min_size=2, max_size=9), st.sampled_from("\t;, "))
def test_any_pairs_come_back(pairs: list[tuple[str, str, float]], delimiter: str) -> None:
    lines = [Line(n, delimiter.join((a, b, repr(s)))) for n, (a, b, s) in enumerate(pairs, 1)]
    words = {"nan", "inf", "infinity"}
    if not any(word.lower() in words for pair in pairs for word in pair[:2]):
        assert parse_pairs("f", lines) == [Pair(*pair) for pair in pairs]


def test_google_analogies(tmp_path: Path) -> None:
    text = "# about\n: capitals\nAthens Greece Oslo Norway\n:family\nboy  girl\tking queen\r\n: empty\n"
    found = read_file(write(tmp_path / "q.txt", text))
    assert found.kind == "analogies"
    assert [section.name for section in found.items] == ["capitals", "family", "empty"]
    assert list(found.items[0].questions) == [Question("Athens", ("Greece",), "Oslo", ("Norway",))]
    assert list(found.items[1].questions) == [Question("boy", ("girl",), "king", ("queen",))]
    assert list(found.items[2].questions) == []


def test_four_words_without_sections_are_analogies_if_words_recur(tmp_path: Path) -> None:
    pairs = ["good better", "rough rougher", "tall taller"]
    text = "\n".join(f"{one} {other}" for one in pairs for other in pairs if one != other)
    found = read_file(write(tmp_path / "msr.txt", text))
    assert (found.kind, found.items[0].name, len(found.items[0].questions)) == ("analogies", "msr", 6)
    alone = read_file(write(tmp_path / "odd.txt", "cat dog cow table\nred blue green king\n"))
    assert alone.kind == "odd-one-out"
    forced = read_file(tmp_path / "odd.txt", "analogies")
    assert forced.items[0].questions[1] == Question("red", ("blue",), "green", ("king",))


def test_msr_in_its_two_files_and_in_one(tmp_path: Path) -> None:
    questions = write(tmp_path / "word.questions", "good better rough\nbig bigger tall\nyear years law\n")
    write(tmp_path / "word.answers", "JJ_JJR rougher\nJJ_JJR taller\nNN_NNS laws\n")
    found = read_file(questions)
    assert [(section.name, len(section.questions)) for section in found.items] == [
        ("JJ_JJR", 2),
        ("NN_NNS", 1),
    ]
    assert found.items[0].questions[0] == Question("good", ("better",), "rough", ("rougher",))
    text = "good better rough JJ_JJR rougher\nbig bigger tall JJ_JJR taller\nyear years law NN_NNS laws\n"
    assert list(read_file(write(tmp_path / "one.txt", text)).items) == list(found.items)
    write(tmp_path / "word.answers", "JJ_JJR rougher\n")
    with pytest.raises(FormatError, match=r"3 questions, but .*1 answers"):
        read_file(questions)


def test_a_folder_of_bats(tmp_path: Path) -> None:
    write(tmp_path / "bats" / "1_Inflection" / "I01 [noun].txt", "car\tcars\nbox\tboxes/boxen\nfox\tfoxes\n")
    write(tmp_path / "bats" / "2_Other" / "D01.txt", "able\tunable\nfit\tunfit\n")
    found = read_file(tmp_path / "bats")
    assert [section.name for section in found.items] == ["I01 [noun]", "D01"]
    questions = list(found.items[0].questions)
    assert len(questions) == 6
    assert questions[0] == Question("car", ("cars",), "box", ("boxes", "boxen"))
    assert questions[2] == Question("box", ("boxes", "boxen"), "car", ("cars",))
    alone = read_file(tmp_path / "bats" / "1_Inflection" / "I01 [noun].txt")
    assert (alone.kind, list(alone.items[0].questions)) == ("analogies", questions)


def test_odd_one_out(tmp_path: Path) -> None:
    text = "# the last\ncat dog cow table lamp\nred *king blue green grey\none two tree* four five\n"
    found = read_file(write(tmp_path / "odd", text))
    assert found.kind == "odd-one-out"
    assert list(found.items) == [
        Group(("cat", "dog", "cow", "table", "lamp"), 4),
        Group(("red", "king", "blue", "green", "grey"), 1),
        Group(("one", "two", "tree", "four", "five"), 2),
    ]


def test_categories(tmp_path: Path) -> None:
    text = "word,category\ncat,animal\ndog,animal\nred,colour\nblue,colour\n"
    found = read_file(write(tmp_path / "c", text))
    assert found.kind == "categories"
    assert list(found.items) == [
        Member("cat", "animal"),
        Member("dog", "animal"),
        Member("red", "colour"),
        Member("blue", "colour"),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", None, "has no lines"),
        ("# only\n\n", None, "has no lines"),
        ("word1\tword2\tscore\n", "similarity", "a header and nothing else"),
        (
            "a\tb\t1\nc\td\n",
            None,
            r":2: 2 columns where two words and a score are needed \('c d'\): separate",
        ),
        ("a\t1\nb\t2\n", None, ":1: 2 columns"),
        ("a\tb\t1\nc\td\tmany\n", None, ":2: the score 'many' is not a number: mend the line"),
        ("a\tb\t1\nc\td\t3,5\ne\tf\t1\n", None, ":2: the score '3,5' is not a number: write it with a point"),
        ("a\tb\tnan\nc\td\t3\ne\tf\t1\n", None, ":1: the score 'nan' is not a number"),
        ("a\tb\tinf\nc\td\t3\ne\tf\t1\n", None, ":1: the score 'inf' is not a number"),
        ("a\tb\toops\nc\td\t3\ne\tf\t1\n", None, ":1: the score 'oops'"),
        (
            "# x\na b c d\n: late\na b c d\n",
            None,
            r":2: the question 'a b c d' stands before any section: begin",
        ),
        (": s\na b c d\na b c\n", None, r":3: 3 words where an analogy has four.*\('a b c'\)"),
        (": s\na b c d e\n", None, ":2: 5 words where"),
        ("a b c d\nb a d\n", "analogies", ":2: 3 words"),
        ("a\tb\nc\t/\n", "analogies", ":2: 'c /' is not a word and its answers"),
        ("a b c\nd e\nf g h\n", "odd-one-out", ":2: 'd e' is not a group of three"),
        ("a b a\n", "odd-one-out", "three different words"),
        ("*a *b c\n", "odd-one-out", "2 words are marked"),
        ("a x\nb x\nc\nd y\n", "categories", ":3: 'c' is not a word and a category"),
        (
            "It was a dark night.\nNothing moved, nothing at all stirred there.\nSo they slept.\n",
            None,
            "--kind",
        ),
        ("alone\nwords\nhere\n", None, "looks like no evaluation file.*'alone'"),
        (
            "3 4\nthe 0.1 0.2 0.3 0.4\nof 0.5 0.6 0.7 0.8\n",
            None,
            "looks like word vectors: models come before",
        ),
        ("a\0b c d\n", None, "zero bytes"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, kind: str | None, message: str) -> None:
    path = write(tmp_path / "bad.txt", text)
    with pytest.raises(FormatError, match=message) as caught:
        read_file(path, kind)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "latin1.txt"
    path.write_bytes("köln\tbonn\t3\n".encode("latin1"))
    with pytest.raises(FormatError, match="byte 1 is not UTF-8: convert"):
        read_file(path)


def test_places_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"none\.txt: cannot be read \(No such file"):
        read_file(tmp_path / "none.txt")
    with pytest.raises(FormatError, match=r"no \.txt file is in it"):
        read_file(tmp_path)
    with pytest.raises(ConfigError, match="a folder holds analogies"):
        read_file(tmp_path, "similarity")
    with pytest.raises(ConfigError, match="no kind 'riddles': give one of similarity, analogies"):
        read_file(tmp_path, "riddles")


def test_files_with_the_same_name_are_told_apart(tmp_path: Path) -> None:
    first, second = (
        write(tmp_path / "a" / "x.tsv", PLAIN),
        write(tmp_path / "b" / "x.tsv", "a\tb\t3\nc\td\t1\n"),
    )
    third = write(tmp_path / "b" / "y.tsv", PLAIN)
    found = read_files([first, second, third, tmp_path / "a" / ".." / "a" / "x.tsv"])
    assert [one.name for one in found] == ["a/x.tsv", "b/x.tsv", "y.tsv"]
    assert [one.path for one in found] == [str(first), str(second), str(third)]
    assert distinct_names([Path("/q/m"), Path("/r/s/q/m"), Path("/m")]) == ["/q/m", "s/q/m", "/m"]
