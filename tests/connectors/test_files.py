"""The files connector on real folders and Maildirs: what it reads, deletes, refuses and reads back."""

from __future__ import annotations

import mailbox
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from retention.connectors import files_disposal, files_items, files_tree
from retention.connectors.contract import ConnectorError, DatasetMapping, LedgerMapping, Outcome, Ref
from retention.connectors.files import FilesConnector
from retention.connectors.files_tree import entries, key_of, parts_of
from retention.connectors.own_terms import satisfies
from retention.connectors.registry import connect
from retention.domain.predicates import TRUE, AtMost, Not, Recorded
from retention.domain.rules import Action

CONTRACTS = DatasetMapping(
    place="sopimukset",
    key="path",
    subject="asiakas",
    events={"recorded": "pvm"},
    options={"pattern": "{asiakas}/sopimus_{asiakas}_{pvm:date}.pdf"},
)
BOXES = DatasetMapping(place="asiakkaat", key="path", subject="subject", options={"unit": "maildir"})
MESSAGES = DatasetMapping(place="roolit", key="path", events={"occurred": "delivered"}, options={"unit": "message"})


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "palvelin"
    folder.mkdir()
    return folder


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def maildir(path: Path) -> mailbox.Maildir:
    path.parent.mkdir(exist_ok=True)
    return mailbox.Maildir(path)


def find(root, mapping, where=TRUE, subjects=None, contracts=None):
    with FilesConnector(root=str(root)) as connector:
        return list(connector.find(mapping, where, subjects, contracts))


def dispose(root, mapping, *refs, still_due=TRUE, action=Action.DELETE):
    with FilesConnector(root=str(root)) as connector:
        return [(d.outcome, d.detail) for d in connector.dispose(mapping, refs, action, still_due)]


def outcomes(root, mapping, *refs, still_due=TRUE, action=Action.DELETE):
    return [outcome for outcome, _ in dispose(root, mapping, *refs, still_due=still_due, action=action)]


def check(root, *mappings, **config):
    with FilesConnector(root=str(root), **config) as connector:
        return connector.check(mappings)


def left(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


# --- what it reads


def test_of_a_share_that_is_not_mounted_nothing_has_gone(root):
    """Its place is not there: whoever is asked says so, and not that what was in it is absent."""
    put(root / "sopimukset" / "1001" / "sopimus_1001_2015-01-01.pdf")
    (key,) = [one.ref.key for one in find(root, CONTRACTS)]
    shutil.move(root / "sopimukset", root.parent / "muualla")
    with pytest.raises(ConnectorError, match="sopimukset"):
        dispose(root, CONTRACTS, Ref(key, "1001"))
    with pytest.raises(ConnectorError, match="sopimukset"):
        find(root, CONTRACTS)
    with FilesConnector(root=str(root)) as connector, pytest.raises(ConnectorError, match="sopimukset"):
        list(connector.verify(CONTRACTS, [Ref(key, "1001")], Action.DELETE))


def test_reads_date_and_customer_from_the_path(root):
    put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    (found,) = find(root, CONTRACTS)
    assert found.ref == Ref("sopimukset/1001/sopimus_1001_2019-03-01.pdf", "1001")
    assert found.events == {"recorded": date(2019, 3, 1)}


@pytest.mark.parametrize(
    "name",
    [
        "skannaus0001.pdf",
        "1001/sopimus_1002_2019-03-01.pdf",
        "1001/vanhat/sopimus_1001_2019-03-01.pdf",
        "1001/a\nb.pdf",
    ],
)
def test_what_fits_no_pattern_is_seen_without_subject_and_dates_and_is_not_deleted(root, name):
    put(root / "sopimukset" / name)
    (found,) = find(root, CONTRACTS)
    assert (found.ref.subject, found.events) == (None, {"recorded": None})
    assert outcomes(root, CONTRACTS, found.ref) == [Outcome.REFUSED]
    assert outcomes(root, CONTRACTS, found.ref, still_due=Recorded("recorded")) == [Outcome.SUPERSEDED]
    assert (root / "sopimukset" / name).exists()


def test_a_day_that_does_not_exist_is_missing_and_keeps_its_subject(root):
    put(root / "sopimukset/1001/sopimus_1001_2019-02-30.pdf")
    (found,) = find(root, CONTRACTS)
    assert (found.ref.subject, found.events["recorded"]) == ("1001", None)


def test_key_order_is_the_order_of_the_names_bytes_name_by_name(root):
    names = ["a/b", "a!/b", "a.d", "Z", "ä", "a/c/d", "ab", "a\udcffb", "a%b"]
    for name in names:
        put(root / "x" / name)
    everything = DatasetMapping(place="x", key="path", options={"pattern": "{name}"})
    paths = [parts_of(candidate.ref.key) for candidate in find(root, everything)]
    wanted = sorted([os.fsencode(part) for part in ("x", *name.split("/"))] for name in names)
    assert paths == [tuple(os.fsdecode(part) for part in path) for path in wanted]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a b", "a b"),
        ("ÄÖ", "ÄÖ"),
        ("100%", "100%25"),
        ("a\nb", "a%0Ab"),
        ('it\'s "x" \\', 'it\'s "x" \\'),
        ("\udcff\udcfe", "%FF%FE"),
        ("a%FFb", "a%25FFb"),
    ],
)
def test_a_key_is_plain_text_and_means_one_name(root, name, key):
    put(root / "x" / name)
    assert key_of(("x", name)) == f"x/{key}"
    assert parts_of(f"x/{key}") == ("x", name)
    key.encode("utf-8")
    mapping = DatasetMapping(place="x", key="path", options={"pattern": "*"})
    (found,) = find(root, mapping)
    assert found.ref.key == f"x/{key}"
    assert outcomes(root, mapping, found.ref) == [Outcome.DESTROYED]
    assert left(root) == ["x"]


@pytest.mark.parametrize(
    "key", ["", "/", "a//b", "a/", "/etc/passwd", "../x", "a/../b", ".", "a%2Fb", "%61", "%f", "%0a"]
)
def test_other_texts_are_no_keys(key):
    assert parts_of(key) is None


def test_a_place_may_be_several_folders(root):
    for place in ("2020/sopimukset", "2021/sopimukset", "2021/muut", ".recycle/sopimukset", "tyhja"):
        put(root / place / "1001_2020-01-01.pdf")
    mapping = DatasetMapping(place="*/sopimukset", key="path", options={"pattern": "{subject}_{d:date}.pdf"})
    keys = [f"{year}/sopimukset/1001_2020-01-01.pdf" for year in (2020, 2021)]
    assert [c.ref.key for c in find(root, mapping)] == keys
    assert outcomes(root, mapping, *(Ref(key) for key in keys)) == [Outcome.DESTROYED] * 2
    assert outcomes(root, mapping, Ref("2021/muut/1001_2020-01-01.pdf")) == [Outcome.REFUSED]
    assert check(root, mapping).missing_rights == ()
    with pytest.raises(ConnectorError, match=r"\*/ei_ole: no folder fits it"):
        check(root, DatasetMapping(place="*/ei_ole", key="path", options={"pattern": "*"}))


def test_the_root_itself_may_be_the_place(root):
    put(root / "2020-01-01.log")
    logs = DatasetMapping(place=".", key="path", events={"recorded": "d"}, options={"pattern": "{d:date}.log"})
    assert find(root, logs)[0].events == {"recorded": date(2020, 1, 1)}
    assert outcomes(root, logs, Ref("2020-01-01.log")) == [Outcome.DESTROYED]


def test_the_time_of_a_file_is_its_date_only_if_the_mapping_says_so(root):
    path = put(root / "x/a.wav")
    os.utime(path, (1_577_829_599, 1_577_829_599))  # 2019-12-31T21:59:59Z, a second before 2020 in Helsinki
    mapping = DatasetMapping(place="x", key="path", events={"recorded": "mtime"}, options={"pattern": "*"})
    with pytest.raises(ConnectorError, match=r"no placeholder .mtime. without options\.date_from"):
        find(root, mapping)
    trusted = DatasetMapping(
        place="x", key="path", events={"recorded": "mtime"}, options={"pattern": "*", "date_from": "mtime"}
    )
    assert find(root, trusted)[0].events == {"recorded": date(2019, 12, 31)}
    os.utime(path, (1_577_829_600, 1_577_829_600))
    assert find(root, trusted)[0].events == {"recorded": date(2020, 1, 1)}
    old = AtMost("recorded", date(2019, 12, 31))
    assert outcomes(root, trusted, Ref("x/a.wav"), still_due=old) == [Outcome.SUPERSEDED]


def test_asking_for_subjects_passes_other_subjects_folders_by(root):
    for number in ("1001", "1002"):
        put(root / f"sopimukset/{number}/sopimus_{number}_2019-03-01.pdf")
    put(root / "sopimukset/1001/muu.pdf")
    assert [c.ref.subject for c in find(root, CONTRACTS, subjects=["1002", "9"])] == ["1002"]


def test_asks_for_contracts(root):
    mapping = DatasetMapping(place="s", key="path", contract="k", options={"pattern": "{k}.pdf"})
    put(root / "s/K1.pdf")
    put(root / "s/K2.pdf")
    assert [c.contract for c in find(root, mapping, contracts=["K2"])] == ["K2"]
    with pytest.raises(ConnectorError, match="which the mapping does not name"):
        find(root, mapping, subjects=["1001"])


def test_an_event_that_the_mapping_does_not_name_is_an_error_and_not_absence(root):
    path = put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    with pytest.raises(ConnectorError, match="case_closed"):
        outcomes(
            root, CONTRACTS, Ref(key_of(path.relative_to(root).parts), "1001"), still_due=Not(Recorded("case_closed"))
        )
    assert path.exists()


# --- what it deletes


def test_an_emptied_folder_that_names_the_customer_goes_too(root):
    first = put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    put(root / "sopimukset/1001/sopimus_1001_2020-03-01.pdf")
    refs = [candidate.ref for candidate in find(root, CONTRACTS)]
    assert outcomes(root, CONTRACTS, refs[0]) == [Outcome.DESTROYED]
    assert first.parent.is_dir()
    assert outcomes(root, CONTRACTS, refs[1]) == [Outcome.DESTROYED]
    assert left(root) == ["sopimukset"]


def test_an_emptied_folder_that_names_nobody_stays(root):
    mapping = DatasetMapping(place="p", key="path", subject="a", options={"pattern": "{year}/{a}.pdf"})
    put(root / "p/2020/1001.pdf")
    assert outcomes(root, mapping, Ref("p/2020/1001.pdf", "1001")) == [Outcome.DESTROYED]
    assert left(root) == ["p", "p/2020"]


def test_killed_between_file_and_folder_the_next_try_removes_the_folder(root):
    (root / "sopimukset/1001").mkdir(parents=True)
    ref = Ref("sopimukset/1001/sopimus_1001_2019-03-01.pdf", "1001")
    assert outcomes(root, CONTRACTS, ref) == [Outcome.ALREADY_ABSENT]
    assert left(root) == ["sopimukset"]


def test_a_mailbox_goes_whole_and_its_neighbour_stays(root):
    for number in ("1001", "1002"):
        box = maildir(root / "asiakkaat" / number)
        box.add_folder("Sent").add("Subject: a\n\nb\n")
        box.add("Subject: a\n\nb\n")
        put(root / "asiakkaat" / number / "dovecot-uidlist")
    before = [name for name in left(root) if "1002" in name]
    refs = [candidate.ref for candidate in find(root, BOXES, subjects=["1001"])]
    assert refs == [Ref("asiakkaat/1001", "1001")]
    with FilesConnector(root=str(root)) as connector:
        (told,) = connector.export(BOXES, refs)
        assert told["files"] == 3 + 1  # and a file with which maildir marks a subfolder
        assert [d.outcome for d in connector.dispose(BOXES, refs, Action.DELETE, TRUE)] == [Outcome.DESTROYED]
        assert list(connector.verify(BOXES, refs, Action.DELETE)) == []
    assert left(root) == ["asiakkaat", *before]


def test_a_folder_that_is_no_mailbox_is_told_of(root):
    put(root / "asiakkaat/1001/cur/x")
    put(root / "asiakkaat/README")
    refs = [candidate.ref for candidate in find(root, BOXES)]
    assert refs == [Ref("asiakkaat/1001"), Ref("asiakkaat/README")]
    assert outcomes(root, BOXES, *refs) == [Outcome.REFUSED] * 2


def test_messages_of_a_role_go_by_the_moment_in_their_name(root):
    box = maildir(root / "roolit/info")
    sent = box.add_folder("Sent")
    put(root / "roolit/info/cur/1577829599.M1P1.posti:2,S")  # 2019-12-31 23:59:59 in Helsinki
    put(root / "roolit/info/new/1577829600.M2P1.posti")  # 2020-01-01 00:00:00
    put(Path(sent._path) / "cur/1577829599.M3P1.posti:2,")
    put(root / "roolit/info/new/nimetön")
    found = {c.ref.key: c.events["occurred"] for c in find(root, MESSAGES)}
    assert found == {
        "roolit/info/.Sent/1577829599.M3P1.posti": date(2019, 12, 31),
        "roolit/info/1577829599.M1P1.posti": date(2019, 12, 31),
        "roolit/info/1577829600.M2P1.posti": date(2020, 1, 1),
        "roolit/info/nimetön": None,
    }
    refs = [Ref(key) for key in found]
    still_due = AtMost("occurred", date(2019, 12, 31))
    assert outcomes(root, MESSAGES, *refs, still_due=still_due) == [
        Outcome.DESTROYED,
        Outcome.DESTROYED,
        Outcome.SUPERSEDED,
        Outcome.SUPERSEDED,
    ]
    assert list(found)[2:] == [c.ref.key for c in find(root, MESSAGES)]
    assert outcomes(root, MESSAGES, *refs[3:]) == [Outcome.DESTROYED]


def test_mailboxes_in_mailboxes_are_found_however_they_are_laid_out(root):
    """Folders in folders (LAYOUT=fs), one without messages of its own between, and one whose `tmp` is missing."""
    maildir(root / "roolit/info")
    for place in ("Arkisto/2019", "Arkisto/2019/Lasku", "1577829599.M9P1.posti"):
        maildir(root / "roolit/info" / place)
        put(root / "roolit/info" / place / "cur/1577829599.M1P1.posti:2,S")
    put(root / "roolit/info/.Sent/cur/1577829599.M3P1.posti:2,")
    put(root / "roolit/info/new/1577829599.M9P1.posti")
    found = [c.ref for c in find(root, MESSAGES)]
    assert [ref.key for ref in found] == [
        "roolit/info/.Sent/1577829599.M3P1.posti",
        "roolit/info/1577829599.M9P1.posti",
        "roolit/info/1577829599.M9P1.posti/1577829599.M1P1.posti",
        "roolit/info/Arkisto/2019/1577829599.M1P1.posti",
        "roolit/info/Arkisto/2019/Lasku/1577829599.M1P1.posti",
    ]
    with FilesConnector(root=str(root)) as connector:
        assert len([*connector.verify(MESSAGES, found, Action.DELETE)]) == 5
        assert [told["files"] for told in connector.export(MESSAGES, found)] == [1] * 5
        assert {d.outcome for d in connector.dispose(MESSAGES, found, Action.DELETE, TRUE)} == {Outcome.DESTROYED}
        assert not [*connector.verify(MESSAGES, found, Action.DELETE)]
    assert not [path for path in root.rglob("*") if path.is_file() and path.name != "maildirfolder"]


def test_a_subfolder_that_goes_meanwhile_hides_nothing_that_comes_after_it(root, monkeypatch):
    box = root / "roolit/info"
    for place in (box, box / ".A", box / ".B"):
        maildir(place)
    put(box / ".B/cur/1577829599.M1P1.posti:2,")

    def listed_then_gone(folder):
        found = entries(folder)
        if any(entry.name == ".A" for entry in found) and (box / ".A").exists():
            shutil.rmtree(box / ".A")
        return found

    monkeypatch.setattr(files_items, "entries", listed_then_gone)
    assert [c.ref.key for c in find(root, MESSAGES)] == ["roolit/info/.B/1577829599.M1P1.posti"]


def test_a_message_that_is_read_meanwhile_is_the_same_message(root):
    maildir(root / "roolit/info")
    new = put(root / "roolit/info/new/1577829599.M1P1.posti")
    (found,) = find(root, MESSAGES)
    new.rename(root / "roolit/info/cur/1577829599.M1P1.posti:2,RS")
    assert outcomes(root, MESSAGES, found.ref) == [Outcome.DESTROYED]
    assert not [p for p in root.rglob("*") if p.is_file()]


def test_a_message_that_is_moved_while_it_is_deleted_is_found_again(root, monkeypatch):
    maildir(root / "roolit/info")
    new = put(root / "roolit/info/new/1577829599.M1P1.posti")
    other = put(root / "roolit/info/cur/1577829598.M9P1.posti:2,")

    def answer_it_then_ask(expression, candidate):
        """The mail server moves the message after it was listed and before it is unlinked."""
        if new.exists():
            new.rename(root / "roolit/info/cur/1577829599.M1P1.posti:2,RS")
        return satisfies(expression, candidate)

    monkeypatch.setattr(files_disposal, "satisfies", answer_it_then_ask)
    assert outcomes(root, MESSAGES, Ref("roolit/info/1577829599.M1P1.posti")) == [Outcome.DESTROYED]
    assert [p for p in root.rglob("*") if p.is_file()] == [other]


def test_other_actions_are_refused(root):
    path = put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    ref = Ref(key_of(path.relative_to(root).parts), "1001")
    for action in set(Action) - {Action.DELETE}:
        assert outcomes(root, CONTRACTS, ref, action=action) == [Outcome.REFUSED]
    assert path.exists()


# --- what stands in the way


def test_a_folder_where_a_file_was_is_refused(root):
    (root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf").mkdir(parents=True)
    put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf/muu.txt")
    ref = Ref("sopimukset/1001/sopimus_1001_2019-03-01.pdf", None)
    ((outcome, detail),) = dispose(root, CONTRACTS, ref)
    assert outcome is Outcome.REFUSED
    assert "folder" in detail


def test_a_file_that_was_replaced_by_a_younger_one_is_judged_anew(root):
    path = put(root / "x/a.wav")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    mapping = DatasetMapping(
        place="x", key="path", events={"recorded": "mtime"}, options={"pattern": "*", "date_from": "mtime"}
    )
    due = AtMost("recorded", date(2019, 1, 1))
    (found,) = find(root, mapping, due)
    put(root / "x/new").replace(path)
    assert outcomes(root, mapping, found.ref, still_due=due) == [Outcome.SUPERSEDED]
    assert path.exists()


def test_a_file_that_is_replaced_while_it_is_judged_is_superseded(root, monkeypatch):
    path = put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    ref = Ref(key_of(path.relative_to(root).parts), "1001")

    def replace_it_then_ask(expression, candidate):
        put(root / "new", b"another").replace(path)
        return satisfies(expression, candidate)

    monkeypatch.setattr(files_disposal, "satisfies", replace_it_then_ask)
    assert outcomes(root, CONTRACTS, ref) == [Outcome.SUPERSEDED]
    assert path.read_bytes() == b"another"


@pytest.mark.parametrize("escape", ["file", "folder", "place"])
def test_links_lead_nowhere(root, tmp_path, escape):
    outside = tmp_path / "muualla"
    victim = put(outside / "1001" / "sopimus_1001_2019-03-01.pdf")
    (root / "sopimukset").mkdir()
    if escape == "file":
        (root / "sopimukset/1001").mkdir()
        (root / "sopimukset/1001" / victim.name).symlink_to(victim)
    elif escape == "folder":
        (root / "sopimukset/1001").symlink_to(victim.parent)
    else:
        (root / "sopimukset").rmdir()
        (root / "sopimukset").symlink_to(outside)
    key = f"sopimukset/1001/{victim.name}"
    assert outcomes(root, CONTRACTS, Ref(key, "1001"), Ref(key)) in (
        [Outcome.REFUSED] * 2,
        [Outcome.SUPERSEDED, Outcome.REFUSED],
    )
    assert victim.exists()
    if escape == "place":
        with pytest.raises(ConnectorError, match="sopimukset: a link"):
            check(root, CONTRACTS)
    else:
        (seen,) = find(root, CONTRACTS)
        assert (seen.ref.subject, seen.events["recorded"]) == (None, None)
    with FilesConnector(root=str(root)) as connector:
        assert len(list(connector.verify(CONTRACTS, [Ref(key, "1001")], Action.DELETE))) == 1


def test_a_folder_swapped_for_a_link_while_it_is_emptied_leads_nowhere(root, tmp_path, monkeypatch):
    outside = put(tmp_path / "muualla/tarkea.txt")
    folder = root / "asiakkaat/1001"
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)

    def swap_it_then_look(folder_fd, name):
        shutil.rmtree(folder / "cur")
        (folder / "cur").symlink_to(outside.parent)

    monkeypatch.setattr(files_disposal, "survey", swap_it_then_look)
    assert outcomes(root, BOXES, Ref("asiakkaat/1001", "1001")) == [Outcome.DESTROYED]
    assert outside.exists()


def test_links_inside_a_folder_are_removed_and_not_followed(root, tmp_path):
    outside = put(tmp_path / "muualla/tarkea.txt")
    mapping = DatasetMapping(place="a", key="path", subject="subject", options={"unit": "folder"})
    (root / "a/1001/x").mkdir(parents=True)
    (root / "a/1001/x/linkki").symlink_to(outside.parent)
    os.mkfifo(root / "a/1001/putki")
    assert outcomes(root, mapping, Ref("a/1001", "1001")) == [Outcome.DESTROYED]
    assert outside.exists()
    assert left(root) == ["a"]


WHOLE = DatasetMapping(place="a", key="path", subject="subject", options={"unit": "folder"})
MOUNTED = (Outcome.REFUSED, "another folder or file system is mounted in it")


@contextmanager
def mounted(what: Path, at: Path):
    """The same file system once more at another place, as an administrator may mount it."""
    if subprocess.run(["mount", "--bind", what, at], check=False, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here: it takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", at], check=True)


def test_a_right_that_is_missing_names_no_folder_that_the_mapping_does_not_name(root):
    (root / "a/1001").mkdir(parents=True)
    (root / "a/1002").mkdir()
    by_customer = replace(WHOLE, place="a/1*")
    with mounted(root / "a/1001", root / "a/1001"):
        subprocess.run(["mount", "-o", "remount,bind,ro", root / "a/1001"], check=True)
        assert check(root, by_customer).missing_rights == ("write in 1 of 2 folders",)
        assert check(root, replace(WHOLE, place="a/1001")).missing_rights == ("write in a/1001",)
    assert check(root, by_customer).missing_rights == ()


def test_what_is_mounted_in_a_folder_is_not_emptied(root, tmp_path, monkeypatch):
    beside, other = put(root / "a/1001/kirje.txt"), put(tmp_path / "muualla/tarkea.txt")
    at = root / "a/1001/jaettu"
    at.mkdir()
    with mounted(other.parent, at):
        assert at.stat().st_dev == root.stat().st_dev
        assert dispose(root, WHOLE, Ref("a/1001", "1001")) == [MOUNTED]
        assert beside.exists()
        # and where it is mounted after the folder was looked through
        monkeypatch.setattr(files_disposal, "survey", lambda folder, name: None)
        assert dispose(root, WHOLE, Ref("a/1001", "1001")) == [MOUNTED]
        assert other.exists()
    assert outcomes(root, WHOLE, Ref("a/1001", "1001")) == [Outcome.DESTROYED]


def test_a_mount_is_told_by_its_number_also_where_nothing_may_be_mounted(root, monkeypatch):
    shared = put(root / "a/1001/jaettu/tarkea.txt")
    real, inode = files_tree.mount_of, shared.parent.stat().st_ino

    def other_mount(folder):
        device, number = real(folder)
        return device, -1 if os.fstat(folder).st_ino == inode else number

    monkeypatch.setattr(files_tree, "mount_of", other_mount)
    assert dispose(root, WHOLE, Ref("a/1001", "1001")) == [MOUNTED]
    monkeypatch.setattr(files_disposal, "survey", lambda folder, name: None)
    assert dispose(root, WHOLE, Ref("a/1001", "1001")) == [MOUNTED]
    assert shared.exists()


@pytest.mark.parametrize("told", ["pos:\t0\nflags:\t02\n", None])
def test_where_no_mount_is_told_the_device_decides(root, monkeypatch, told):
    def read(path, encoding):
        if told is None:
            raise FileNotFoundError
        return told

    folder = os.open(root, os.O_RDONLY)
    monkeypatch.setattr(Path, "read_text", read)
    assert files_tree.mount_of(folder) == (root.stat().st_dev, None)
    os.close(folder)


def test_what_is_put_into_a_folder_while_it_is_emptied_makes_it_fail_and_the_next_try_finishes(root, monkeypatch):
    mapping = DatasetMapping(place="a", key="path", subject="subject", options={"unit": "folder"})
    put(root / "a/1001/x")
    real = os.rmdir

    def deliver_then_rmdir(name, *, dir_fd):
        put(root / "a/1001/uusi")
        real(name, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", deliver_then_rmdir)
        ((outcome, detail),) = dispose(root, mapping, Ref("a/1001", "1001"))
    assert (outcome, "put into it" in detail) == (Outcome.FAILED, True)
    assert outcomes(root, mapping, Ref("a/1001", "1001")) == [Outcome.DESTROYED]
    assert left(root) == ["a"]


# --- what is left


def test_a_hard_link_is_residue(root):
    path = put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    os.link(path, root / "kopio.pdf")
    ref = Ref(key_of(path.relative_to(root).parts), "1001")
    with FilesConnector(root=str(root)) as connector:
        assert [d.outcome for d in connector.dispose(CONTRACTS, [ref], Action.DELETE, TRUE)] == [Outcome.DESTROYED]
        (residue,) = connector.verify(CONTRACTS, [ref], Action.DELETE)
        assert (residue.key, "hard link" in residue.where, residue.copy) == (ref.key, True, True)
        assert residue.seen_once
        put(path)
        found = list(connector.verify(CONTRACTS, [ref], Action.DELETE))
    assert [(one.copy, one.seen_once) for one in found] == [(False, False), (False, True)]


def test_hard_links_within_a_folder_that_goes_are_no_residue(root):
    mapping = DatasetMapping(place="a", key="path", subject="subject", options={"unit": "folder"})
    os.link(put(root / "a/1001/x"), root / "a/1001/y")
    with FilesConnector(root=str(root)) as connector:
        connector.dispose(mapping, [Ref("a/1001", "1001")], Action.DELETE, TRUE)
        assert list(connector.verify(mapping, [Ref("a/1001", "1001")], Action.DELETE)) == []


@pytest.mark.parametrize(
    "copy",
    [
        ".Trash-1000/files/sopimus_1001_2019-03-01.pdf",
        ".Trash-1000/info/sopimus_1001_2019-03-01.pdf.trashinfo",
        "sopimukset/#recycle/1001/sopimus_1001_2019-03-01.pdf",
        "sopimukset/.recycle/Copy #2 of sopimus_1001_2019-03-01.pdf",
    ],
)
def test_a_recycle_folders_copy_is_residue(root, copy):
    (root / "sopimukset").mkdir()
    put(root / copy)
    put(root / "sopimukset/#recycle/muu.pdf")
    ref = Ref("sopimukset/1001/sopimus_1001_2019-03-01.pdf", "1001")
    with FilesConnector(root=str(root)) as connector:
        (residue,) = connector.verify(CONTRACTS, [ref], Action.DELETE)
        assert "recycle" in residue.where
        assert "1001" not in residue.where
        assert residue.copy is True
        assert list(connector.verify(CONTRACTS, [Ref("sopimukset/1002/x.pdf")], Action.DELETE)) == []


def test_a_recycle_folders_content_is_seen_and_never_taken_for_an_item(root):
    mapping = DatasetMapping(place="a", key="path", subject="subject", options={"pattern": "{subject}/{name}.pdf"})
    put(root / "a/.recycle/1001.pdf")
    (found,) = find(root, mapping)
    assert found.ref.subject is None
    assert outcomes(root, mapping, found.ref) == [Outcome.REFUSED]


def test_the_mail_servers_index_cache_is_residue(root):
    maildir(root / "roolit/info")
    put(root / "roolit/info/dovecot.index.cache")
    with FilesConnector(root=str(root)) as connector:
        (residue,) = connector.verify(MESSAGES, [Ref("roolit/info/1577829599.M1P1.posti")], Action.DELETE)
    assert ("dovecot.index.cache" in residue.where, residue.copy) == (True, True)


# --- bad input


def test_a_root_where_nothing_is_mounted_is_not_empty(root):
    with (
        pytest.raises(ConnectorError, match="nothing is mounted there") as raised,
        FilesConnector(root=str(root), mounted="yes"),
    ):
        pass
    assert not raised.value.permanent
    with FilesConnector(root="/dev/shm", mounted="yes") as connector:
        assert connector.check().missing_rights == ()
    with pytest.raises(ConnectorError, match="mounted must be yes or no"):
        FilesConnector(root=str(root), mounted="true")


def test_a_root_that_is_not_there_is_named_and_not_made(root):
    with pytest.raises(ConnectorError, match="ei_ole: No such file or directory") as raised:
        check(root / "ei_ole")
    assert raised.value.permanent
    assert left(root) == []


@pytest.mark.parametrize("path", ["/", "//", "/usr/..", "suhteellinen", ""])
def test_roots_that_are_refused(path):
    with pytest.raises(ConnectorError, match="root: ") as raised:
        check(Path(path) if path == "/" else path)
    assert raised.value.permanent


def test_a_root_that_links_to_the_whole_file_system_is_refused(root):
    (root / "kaikki").symlink_to("/")
    with pytest.raises(ConnectorError, match="no register"):
        check(root / "kaikki")


def test_a_root_that_is_a_file_is_refused(root):
    with pytest.raises(ConnectorError, match="Not a directory"):
        check(put(root / "a"))


def test_an_unknown_time_zone_is_named(root):
    with pytest.raises(ConnectorError, match=r"time_zone.*Europe/Kotka"):
        check(root, time_zone="Europe/Kotka")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"options": {}}, "sopimukset: options.pattern is missing"),
        ({"options": {"pattern": 5}}, "options.pattern is missing"),
        ({"options": {"patern": "*"}}, "unknown option patern"),
        ({"options": {"unit": "mbox"}}, "unknown unit 'mbox'"),
        ({"options": {"pattern": "{a}", "date_from": "ctime"}}, "date_from 'ctime'"),
        ({"options": {"pattern": "{mtime:date}"}}, "has a meaning of its own"),
        ({"subject": "numero"}, "subject: the pattern has no placeholder 'numero'"),
        ({"subject": "pvm"}, r"subject: \{pvm\} is a date"),
        ({"events": {"recorded": "asiakas"}}, r"events.recorded: \{asiakas\} is no date"),
        ({"events": {"recorded": "delivered"}}, "no placeholder 'delivered'"),
        ({"facts": {"usage_billed": "x"}}, "facts.usage_billed: the pattern has no placeholder 'x'"),
        ({"key": "id"}, "the key of a file is its path"),
        ({"fields": ("nimi",)}, "a file goes as a whole"),
        ({"children": ("liite",)}, "a file goes as a whole"),
        ({"place": "../muualla"}, "a folder below the root"),
        ({"place": "/etc"}, "a folder below the root"),
        ({"place": ""}, "a folder below the root"),
        ({"place": "ei_ole"}, "ei_ole: No such file or directory"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_by_every_verb(root, changes, why):
    path = put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    mapping = DatasetMapping(**{**{n: getattr(CONTRACTS, n) for n in CONTRACTS.__dataclass_fields__}, **changes})
    with pytest.raises(ConnectorError, match=why) as raised:
        check(root, mapping)
    assert raised.value.permanent
    if "place" not in changes:
        with pytest.raises(ConnectorError, match=why):
            find(root, mapping)
        with pytest.raises(ConnectorError, match=why):
            dispose(root, mapping, Ref("sopimukset/1001/sopimus_1001_2019-03-01.pdf", "1001"))
    assert path.exists()


def test_folders_tell_no_contracts(root):
    with FilesConnector(root=str(root)) as connector, pytest.raises(ConnectorError, match="no contracts"):
        connector.collect(LedgerMapping(place="sopimukset", subject="asiakas"))


def test_a_connector_is_made_by_the_registry_and_describes_what_is_there(root):
    put(root / "sopimukset/1001/131052-988R.pdf")
    put(root / "sopimukset/1002/131052-988R.pdf")
    put(root / "sopimukset/1002/a.pdf")
    put(root / "posti/maija@example.invalid")
    put(root / "muut/a.pdf")
    (root / "linkki").symlink_to(root)
    with connect("files", {"root": str(root)}) as connector:
        found = [(place.name, place.rows, dict(place.personal)) for place in connector.describe()]
    assert found == [
        ("muut", 1, {}),
        ("posti", 1, {"path": "email"}),
        ("sopimukset", 3, {"path": "identity code"}),
    ]


def test_no_error_names_a_file(root):
    put(root / "sopimukset/1001/sopimus_1001_2019-03-01.pdf")
    deep = root / "sopimukset" / "/".join(["131052-988R"] * 105)
    deep.mkdir(parents=True)
    with pytest.raises(ConnectorError) as raised:
        find(root, CONTRACTS)
    assert "131052" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_day_that_cannot_be_read_is_not_something_that_never_happened(root):
    activity = replace(CONTRACTS, events={"last_activity": "pvm"})
    path = put(root / "sopimukset/1001/sopimus_1001_2019-02-30.pdf")
    (found,) = find(root, activity)
    assert outcomes(root, activity, found.ref) == [Outcome.REFUSED]
    assert path.exists()
