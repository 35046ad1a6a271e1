//! The SQLite store by itself: what it keeps, what it refuses, what it notices.
//!
//! A ledger that a store has open is never read here as a file, since closing that would drop the
//! locks of this process: only raw connections look into it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use credits_ledger::store::record::chain;
use credits_ledger::store::sqlite::SqliteStore;
use credits_ledger::store::{Draft, Head, PART_LIMIT, Read, Record, Snapshot, Store, StoreError};
use rusqlite::Connection;

const WAIT: Duration = Duration::from_secs(30);

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("credits-sqlite-{}-{count}", process::id()));
        fs::create_dir(&path).expect("the folder is new");
        Folder(path)
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    /// The names in it, in order.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).expect("it is there");
        let mut names: Vec<String> = names
            .map(|entry| {
                entry
                    .expect("it is there")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn draft(text: &str) -> Draft {
    Draft {
        bytes: text.into(),
        ..Draft::default()
    }
}

fn about(text: &str, subjects: &[&str]) -> Draft {
    Draft {
        subjects: subjects.iter().map(ToString::to_string).collect(),
        ..draft(text)
    }
}

#[track_caller]
fn create(path: &Path) -> SqliteStore {
    SqliteStore::create(path, WAIT, &draft("first")).expect("the ledger is made")
}

#[track_caller]
fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, WAIT)
        .expect("the ledger opens")
        .expect("it is there")
}

#[track_caller]
fn refusal(path: &Path) -> StoreError {
    SqliteStore::open_for_writing(path, WAIT).expect_err("it is not opened for writing");
    SqliteStore::open(path, WAIT).expect_err("it is not opened")
}

#[track_caller]
fn append(store: &mut SqliteStore, drafts: Vec<Draft>) -> Head {
    store
        .transact(|_| Ok::<_, StoreError>(drafts))
        .expect("it is appended")
}

fn records(store: &dyn Read, from: u64, to: u64) -> Result<Vec<Record>, StoreError> {
    let mut records = Vec::new();
    store.read(from, to, &mut |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

fn texts(store: &dyn Read) -> Vec<String> {
    let records = records(store, 1, u64::MAX).expect("they are read");
    records
        .iter()
        .map(|record| String::from_utf8_lossy(&record.bytes).into_owned())
        .collect()
}

fn lines(store: &dyn Read, number: u64) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut parts = Vec::new();
    store.lines(number, &mut |part| {
        parts.push(part.to_vec());
        Ok(())
    })?;
    Ok(parts)
}

/// Does to the database what it refuses, by taking its triggers away meanwhile.
#[track_caller]
fn tamper(path: &Path, sql: &str) {
    let raw = Connection::open(path).expect("it opens");
    let triggers: Vec<(String, String)> = raw
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .expect("it is a database")
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("it is a database")
        .collect::<Result<_, _>>()
        .expect("it is a database");
    for (name, _) in &triggers {
        raw.execute_batch(&format!("DROP TRIGGER {name}"))
            .expect("it goes");
    }
    raw.execute_batch(sql).expect("nothing holds it back");
    for (_, sql) in &triggers {
        raw.execute_batch(sql).expect("it is back");
    }
}

#[test]
fn what_is_appended_is_read_back() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    let bill = Draft {
        lines: vec![b"one".to_vec(), vec![7; PART_LIMIT], Vec::new()],
        ..about("bill", &["bill:A/2025-03", "credit:C2", "credit:C2"])
    };
    let head = append(
        &mut store,
        vec![about("grant", &["credit:C2"]), bill.clone()],
    );
    drop(store);

    let store = open(&folder.ledger());
    let one = chain(1, &[0; 32], b"first");
    let two = chain(2, &one, b"grant");
    let three = chain(3, &two, b"bill");
    assert_eq!(
        head,
        Head {
            number: 3,
            hash: three
        }
    );
    assert_eq!(store.head().expect("it has one"), head);
    assert_eq!(
        records(&store, 1, u64::MAX).expect("they are read"),
        [
            Record {
                number: 1,
                bytes: b"first".to_vec(),
                hash: one
            },
            Record {
                number: 2,
                bytes: b"grant".to_vec(),
                hash: two
            },
            Record {
                number: 3,
                bytes: b"bill".to_vec(),
                hash: three
            },
        ]
    );
    assert_eq!(records(&store, 2, 2).expect("it is read").len(), 1);
    assert_eq!(records(&store, 4, 9).expect("there are none"), []);
    assert_eq!(lines(&store, 3).expect("they are read"), bill.lines);
    assert!(lines(&store, 2).expect("there are none").is_empty());
    assert_eq!(store.find("credit:C2").expect("it is found"), [2, 3]);
    assert_eq!(store.find("bill:A/2025-03").expect("it is found"), [3]);
    assert!(store.find("credit:C").expect("it is not there").is_empty());
    assert_eq!(store.numbers_with_lines().expect("they are read"), [3]);
    assert!(store.integrity().expect("it is checked").is_empty());

    let mut index = Vec::new();
    let visit = &mut |subject: &str, number| {
        index.push((subject.to_owned(), number));
        Ok(())
    };
    store.subjects(visit).expect("they are read");
    index.sort();
    let expected = [("bill:A/2025-03", 3), ("credit:C2", 2), ("credit:C2", 3)];
    assert_eq!(
        index,
        expected.map(|(subject, number)| (subject.to_owned(), number))
    );
}

#[test]
fn reading_makes_no_ledger() {
    let folder = Folder::new();
    let nowhere = folder.0.join("no/such/ledger.db");
    assert!(
        SqliteStore::open(&nowhere, WAIT)
            .expect("it is not there")
            .is_none()
    );
    assert!(
        SqliteStore::open_for_writing(&nowhere, WAIT)
            .expect("it is not there")
            .is_none()
    );
    assert!(folder.names().is_empty());
}

#[test]
fn a_visitor_that_fails_is_asked_no_more() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    append(&mut store, vec![draft("second"), draft("third")]);
    let mut seen = 0;
    let answer = store.read(1, 3, &mut |_| {
        seen += 1;
        Err(StoreError::Damaged("enough".to_owned()))
    });
    assert_eq!(
        answer.expect_err("as it said").to_string(),
        "the ledger is damaged: enough"
    );
    assert_eq!(seen, 1);
}

#[test]
fn nothing_is_kept_when_the_decision_fails() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    let answer = store.transact(|read| {
        assert_eq!(texts(read), ["first"]);
        Err(StoreError::Damaged("no".to_owned()))
    });
    answer.expect_err("as it said");
    let panics = AssertUnwindSafe(|| store.transact::<StoreError>(|_| panic!("a bug")));
    catch_unwind(panics).expect_err("as it said");
    append(&mut store, vec![draft("second")]);
    assert_eq!(texts(&store), ["first", "second"]);
}

#[test]
fn nothing_is_kept_of_several_when_the_last_is_refused() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    let too_long = Draft {
        lines: vec![vec![0; PART_LIMIT + 1]],
        ..draft("third")
    };
    let drafts = vec![about("second", &["it"]), too_long];
    store
        .transact(|_| Ok::<_, StoreError>(drafts))
        .expect_err("a part is too long");
    assert_eq!(texts(&store), ["first"]);
    assert!(store.find("it").expect("it is not there").is_empty());
}

#[test]
fn nothing_is_written_when_nothing_is_decided() {
    let folder = Folder::new();
    let before = create(&folder.ledger()).head().expect("it has one");
    let bytes = fs::read(folder.ledger()).expect("nobody has it open");
    let mut store = create(&folder.ledger());
    assert_eq!(append(&mut store, Vec::new()), before);
    drop(store);
    assert_eq!(
        fs::read(folder.ledger()).expect("nobody has it open"),
        bytes
    );
    assert_eq!(folder.names(), ["ledger.db"]);
}

#[test]
fn writers_that_race_lose_no_record_and_decide_on_what_the_winner_left() {
    let folder = Folder::new();
    drop(create(&folder.ledger()));
    let write = || {
        let path = folder.ledger();
        let mut store = SqliteStore::open_for_writing(&path, WAIT).expect("it opens");
        let store = store.as_mut().expect("it is there");
        for _ in 0..25 {
            let decide = |read: &dyn Read| {
                let head = read.head()?;
                Ok::<_, StoreError>(vec![draft(&head.number.to_string()), draft("and one more")])
            };
            store.transact(decide).expect("it waits its turn");
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(write);
        }
    });
    let store = open(&folder.ledger());
    let mut previous = [0; 32];
    for record in records(&store, 1, u64::MAX).expect("they are read") {
        previous = chain(record.number, &previous, &record.bytes);
        assert_eq!(record.hash, previous);
        if record.number % 2 == 0 {
            assert_eq!(record.bytes, (record.number - 1).to_string().as_bytes());
        }
    }
    assert_eq!(
        store.head().expect("it has one"),
        Head {
            number: 201,
            hash: previous
        }
    );
}

#[test]
fn a_reader_sees_one_instant() {
    let folder = Folder::new();
    let mut writer = create(&folder.ledger());
    let reader = open(&folder.ledger());
    append(&mut writer, vec![about("second", &["it"])]);
    assert_eq!(texts(&reader), ["first"]);
    assert_eq!(reader.head().expect("it has one").number, 1);
    assert!(reader.find("it").expect("it is not there").is_empty());
    assert_eq!(texts(&open(&folder.ledger())), ["first", "second"]);
}

#[test]
fn a_store_opened_for_reading_writes_nothing() {
    let folder = Folder::new();
    drop(create(&folder.ledger()));
    let mut store = open(&folder.ledger());
    let answer = store.transact(|_| Ok::<_, StoreError>(vec![draft("second")]));
    let message = answer.expect_err("it is for reading").to_string();
    assert!(
        message.ends_with("cannot be written: it was opened for reading"),
        "{message}"
    );
}

#[test]
fn whoever_waits_too_long_is_told_that_the_ledger_is_busy() {
    let folder = Folder::new();
    drop(create(&folder.ledger()));
    let holder = Connection::open(folder.ledger()).expect("it opens");
    holder
        .execute_batch("BEGIN IMMEDIATE")
        .expect("nobody else writes");
    let store = SqliteStore::open_for_writing(&folder.ledger(), Duration::ZERO);
    let mut store = store.expect("it opens").expect("it is there");
    let answer = store.transact(|_| Ok::<_, StoreError>(vec![draft("second")]));
    assert!(matches!(answer, Err(StoreError::Busy { .. })), "{answer:?}");
    assert_eq!(texts(&store), ["first"]);
    holder.execute_batch("ROLLBACK").expect("it was begun");
    append(&mut store, vec![draft("second")]);
}

#[test]
fn a_wait_of_any_length_is_fine() {
    let folder = Folder::new();
    SqliteStore::create(&folder.ledger(), Duration::MAX, &draft("first")).expect("it is made");
}

#[test]
fn the_database_itself_refuses_to_change_what_is_written() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    let lines = vec![b"line".to_vec()];
    append(
        &mut store,
        vec![
            draft("second"),
            Draft {
                lines,
                ..draft("third")
            },
        ],
    );
    let raw = Connection::open(folder.ledger()).expect("it opens");
    for sql in [
        "UPDATE entry SET record = x'00' WHERE number = 2",
        "UPDATE entry SET number = 9 WHERE number = 3",
        "UPDATE OR REPLACE entry SET number = 2 WHERE number = 3",
        "DELETE FROM entry WHERE number = 3",
        "DELETE FROM entry",
        "REPLACE INTO entry SELECT 2, hash, record FROM entry WHERE number = 3",
        "INSERT INTO entry SELECT 5, hash, record FROM entry WHERE number = 3",
        "INSERT INTO entry SELECT 0, hash, record FROM entry WHERE number = 3",
        "INSERT INTO entry(hash, record) SELECT hash, record FROM entry WHERE number = 3",
        "INSERT INTO entry VALUES (4, x'00', x'00')",
        "INSERT INTO entry SELECT 4, hash, 'text' FROM entry WHERE number = 3",
        "UPDATE lines SET bytes = x'00'",
        "DELETE FROM lines",
        "REPLACE INTO lines VALUES (3, 0, x'00')",
        "INSERT INTO lines VALUES (3, 1, x'00')",
        "INSERT INTO lines VALUES (2, 0, x'00')",
        "INSERT INTO lines VALUES (4, 0, x'00')",
        "UPDATE head SET number = 2, hash = (SELECT hash FROM entry WHERE number = 2)",
        "UPDATE head SET hash = (SELECT hash FROM entry WHERE number = 2)",
        "UPDATE head SET number = 4",
        "DELETE FROM head",
        "REPLACE INTO head SELECT 1, number, hash FROM entry WHERE number = 2",
        "INSERT INTO head SELECT 2, number, hash FROM entry WHERE number = 3",
    ] {
        raw.execute_batch(sql).expect_err(sql);
    }
    assert_eq!(texts(&store), ["first", "second", "third"]);
    assert_eq!(store.head().expect("it has one").number, 3);
    assert!(store.integrity().expect("it is checked").is_empty());
}

#[test]
fn a_cut_tail_is_noticed() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    append(&mut store, vec![draft("second"), draft("third")]);
    tamper(&folder.ledger(), "DELETE FROM entry WHERE number = 3");
    let damage = store.head().expect_err("it is cut").to_string();
    assert!(damage.contains("its head is entry 3 (hash "), "{damage}");
    assert!(damage.contains("its last entry is 2 (hash "), "{damage}");
    let answer = store.transact(|_| Ok::<_, StoreError>(vec![draft("third again")]));
    assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");

    tamper(&folder.ledger(), "DELETE FROM entry");
    let damage = store.head().expect_err("it is cut").to_string();
    assert!(damage.ends_with("there is no entry"), "{damage}");
    tamper(&folder.ledger(), "DELETE FROM head");
    let damage = store.head().expect_err("it is cut").to_string();
    assert_eq!(damage, "the ledger is damaged: it has no head");
}

#[test]
fn an_added_tail_is_noticed() {
    let folder = Folder::new();
    let store = create(&folder.ledger());
    let raw = Connection::open(folder.ledger()).expect("it opens");
    let sql = "INSERT INTO entry SELECT 2, hash, record FROM entry";
    raw.execute_batch(sql)
        .expect("an entry may follow the last one");
    assert!(matches!(store.head(), Err(StoreError::Damaged(_))));
}

#[test]
fn the_log_of_another_ledger_is_noticed() {
    let folder = Folder::new();
    let other = folder.0.join("other.db");
    let mut store = SqliteStore::create(&other, WAIT, &draft("other")).expect("it is made");
    append(&mut store, vec![draft("second")]);
    append(
        &mut create(&folder.ledger()),
        vec![draft("second"), draft("third")],
    );
    fs::copy(
        folder.0.join("other.db-wal"),
        folder.0.join("ledger.db-wal"),
    )
    .expect("it is there");
    let damage = open(&folder.ledger())
        .head()
        .expect_err("it is mixed")
        .to_string();
    assert!(
        damage.contains("is the `-wal` beside it its own?"),
        "{damage}"
    );
}

#[test]
fn no_ledger_is_made_beside_the_log_of_another() {
    let folder = Folder::new();
    let path = folder.ledger();
    let mut store = create(&path);
    append(&mut store, vec![draft("second")]);
    fs::rename(&path, folder.0.join("moved.db")).expect("it is there");
    let answer = SqliteStore::create(&path, WAIT, &draft("first"));
    let message = answer.expect_err("a log is there").to_string();
    assert!(
        message.ends_with("the `-wal` of another ledger is in its place"),
        "{message}"
    );
}

#[test]
fn a_hole_is_noticed() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    let lines = ["a", "b", "c"].map(Into::into).to_vec();
    append(
        &mut store,
        vec![
            Draft {
                lines,
                ..draft("second")
            },
            draft("third"),
        ],
    );
    tamper(&folder.ledger(), "DELETE FROM lines WHERE part = 1");
    let damage = self::lines(&store, 2)
        .expect_err("a part is gone")
        .to_string();
    assert!(
        damage.ends_with("part 1 of the lines of entry 2 is missing"),
        "{damage}"
    );
    tamper(&folder.ledger(), "DELETE FROM entry WHERE number = 2");
    let damage = records(&store, 1, 3)
        .expect_err("an entry is gone")
        .to_string();
    assert!(damage.ends_with("entry 2 is missing"), "{damage}");
    records(&store, 2, 3).expect_err("an entry is gone");
}

#[test]
fn a_damaged_index_hides_nothing() {
    for damage in [
        "DELETE FROM subject WHERE number = 3",
        "DELETE FROM subject",
        "UPDATE subject SET subject = 'code:B' WHERE number = 3",
        "UPDATE subject SET number = 2 WHERE number = 3",
        "UPDATE subject SET bucket = bucket + 1 WHERE number = 3",
        "INSERT INTO subject SELECT bucket, subject, 2 FROM subject WHERE number = 3",
        "DELETE FROM subject_sum",
        "UPDATE subject_sum SET sum = sum + 1",
    ] {
        let folder = Folder::new();
        let mut store = create(&folder.ledger());
        append(
            &mut store,
            vec![draft("second"), about("third", &["code:A"])],
        );
        assert_eq!(store.find("code:A").expect("it is found"), [3]);
        let raw = Connection::open(folder.ledger()).expect("it opens");
        raw.execute_batch(damage).expect(damage);
        let answer = store.find("code:A");
        assert!(
            matches!(answer, Err(StoreError::Damaged(_))),
            "{damage}: {answer:?}"
        );
        let expected = "the index of subjects is not as it was written";
        assert_eq!(
            store.integrity().expect("it is checked"),
            [expected],
            "{damage}"
        );
    }
}

#[test]
fn the_latest_sound_snapshot_of_this_journal_is_found() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    let mut kept = Vec::new();
    for text in ["second", "third", "fourth"] {
        let head = append(&mut store, vec![draft(text)]);
        let snapshot = Snapshot {
            head,
            bytes: text.into(),
        };
        store.keep_snapshot(&snapshot).expect("it is kept");
        kept.push(snapshot);
    }
    let [second, third, fourth] = &kept[..] else {
        panic!("three were kept")
    };
    let found = |at_most| store.snapshot(at_most).expect("it is read");
    assert_eq!(found(u64::MAX).as_ref(), Some(fourth));
    assert_eq!(found(4).as_ref(), Some(fourth));
    assert_eq!(found(3).as_ref(), Some(third));
    assert_eq!(found(1), None);
    let raw = Connection::open(folder.ledger()).expect("it opens");
    raw.execute_batch("UPDATE snapshot SET bytes = x'00' WHERE number = 4")
        .expect("a cache");
    assert_eq!(found(4).as_ref(), Some(third));
    let sql = "UPDATE snapshot SET hash = (SELECT hash FROM entry WHERE number = 2)
               WHERE number = 3";
    raw.execute_batch(sql).expect("a cache");
    assert_eq!(found(4).as_ref(), Some(second));
    let expected = [4, 3].map(|number| format!("the snapshot after entry {number} is not sound"));
    let mut reported = store.integrity().expect("it is checked");
    reported.sort_by(|one, other| other.cmp(one));
    assert_eq!(reported, expected);
}

#[test]
fn a_snapshot_of_another_journal_is_not_kept() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    let head = Head {
        number: 1,
        hash: [7; 32],
    };
    let answer = store.keep_snapshot(&Snapshot {
        head,
        bytes: b"state".to_vec(),
    });
    assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
    assert_eq!(store.snapshot(9).expect("it is read"), None);
}

#[test]
fn snapshots_stay_few_and_reach_far_back() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    for _ in 0..100 {
        let head = append(&mut store, vec![draft("more"), draft("and more")]);
        let bytes = b"state".to_vec();
        store
            .keep_snapshot(&Snapshot { head, bytes })
            .expect("it is kept");
    }
    let mut kept = Vec::new();
    let mut at_most = u64::MAX;
    while let Some(snapshot) = store.snapshot(at_most).expect("it is read") {
        kept.push(snapshot.head.number);
        at_most = snapshot.head.number - 1;
    }
    assert_eq!(kept[..2], [201, 199]);
    assert!(kept.len() <= 10, "{kept:?}");
    assert!(kept.iter().any(|number| *number < 101), "{kept:?}");
    assert!(
        kept.iter().any(|number| (151..190).contains(number)),
        "{kept:?}"
    );
}

/// Makes the ledger named in the environment, in a process whose umask the caller chose; does
/// nothing when run among the other tests.
#[test]
fn maker() {
    if let Some(path) = env::var_os("CREDITS_TEST_MAKE") {
        let mut store = create(Path::new(&path));
        append(&mut store, vec![draft("second")]);
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone();
            file.push(suffix);
            let mode = fs::metadata(&file)
                .expect("it is there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o7777, 0o600, "{}", file.display());
        }
    }
}

#[test]
fn files_and_folders_are_private_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let folder = Folder::new();
        let path = folder.0.join("new/newer/ledger.db");
        let made = Command::new("sh")
            .args(["-c", "umask $0; exec \"$@\"", umask])
            .arg(env::current_exe().expect("it runs"))
            .args(["--exact", "store_sqlite::maker"])
            .env("CREDITS_TEST_MAKE", &path)
            .output()
            .expect("it runs");
        assert!(
            made.status.success(),
            "umask {umask}: {}",
            String::from_utf8_lossy(&made.stdout)
        );
        for made in [&path, &folder.0.join("new"), &folder.0.join("new/newer")] {
            let mode = fs::metadata(made)
                .expect("it is there")
                .permissions()
                .mode();
            let expected = if made == &path { 0o600 } else { 0o700 };
            assert_eq!(mode & 0o7777, expected, "umask {umask}, {}", made.display());
        }
    }
}

#[test]
fn a_folder_that_is_there_keeps_its_mode() {
    let folder = Folder::new();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).expect("it is ours");
    drop(create(&folder.ledger()));
    let mode = fs::metadata(&folder.0)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o755);
    assert_eq!(folder.names(), ["ledger.db"]);
}

#[test]
fn of_many_who_make_a_ledger_at_once_one_does() {
    let folder = Folder::new();
    let path = folder.0.join("new/ledger.db");
    thread::scope(|scope| {
        for maker in 0..16 {
            let path = &path;
            scope.spawn(move || {
                let first = draft(&format!("made by {maker}"));
                let mut store = SqliteStore::create(path, WAIT, &first).expect("it is made");
                append(&mut store, vec![draft("more")]);
            });
        }
    });
    let texts = texts(&open(&path));
    assert_eq!(texts.len(), 17);
    assert_eq!(
        texts
            .iter()
            .filter(|text| text.starts_with("made by"))
            .count(),
        1
    );
    let left: Vec<_> = fs::read_dir(folder.0.join("new"))
        .expect("it is there")
        .collect();
    assert!(left.len() <= 3, "{left:?}");
}

#[test]
fn a_newer_ledger_is_refused_untouched() {
    let folder = Folder::new();
    drop(create(&folder.ledger()));
    let raw = Connection::open(folder.ledger()).expect("it opens");
    raw.pragma_update(None, "user_version", 2)
        .expect("it is set");
    // Its log still holds the change while the other reads.
    let error = refusal(&folder.ledger());
    assert!(
        matches!(
            error,
            StoreError::TooNew {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
    drop(raw);
    let bytes = fs::read(folder.ledger()).expect("nobody has it open");
    SqliteStore::create(&folder.ledger(), WAIT, &draft("first")).expect_err("it is newer");
    assert_eq!(
        fs::read(folder.ledger()).expect("nobody has it open"),
        bytes
    );
    assert_eq!(folder.names(), ["ledger.db"]);
}

#[test]
fn what_is_no_ledger_is_refused_by_what_it_is() {
    let folder = Folder::new();
    let path = folder.ledger();
    let check = |expected: &str| {
        let made = SqliteStore::create(&path, WAIT, &draft("first")).expect_err("it is taken");
        for error in [refusal(&path), made] {
            assert_eq!(
                error.to_string(),
                expected.replace("LEDGER", &path.to_string_lossy())
            );
        }
    };
    fs::write(&path, "").expect("it is ours");
    check("`LEDGER` is not a ledger: an empty file");
    fs::write(&path, "2025-03-01 open Assets:Credits\n").expect("it is ours");
    check("`LEDGER` is not a ledger: not a SQLite database");
    fs::write(&path, [0; 8192]).expect("it is ours");
    check("`LEDGER` is not a ledger: not a SQLite database");
    fs::remove_file(&path).expect("it is ours");
    let raw = Connection::open(&path).expect("it opens");
    raw.execute_batch("CREATE TABLE entry(number)")
        .expect("it is made");
    drop(raw);
    check("`LEDGER` is not a ledger: a SQLite database of another application");
    fs::remove_file(&path).expect("it is ours");
    fs::create_dir(&path).expect("it is gone");
    check("ledger `LEDGER` cannot be opened: it is a folder");
    fs::remove_dir(&path).expect("it is ours");
    symlink("/dev/null", &path).expect("it is gone");
    check("ledger `LEDGER` cannot be opened: it is not a regular file");
    fs::remove_file(&path).expect("it is ours");
    symlink("elsewhere/ledger.db", &path).expect("it is gone");
    check("ledger `LEDGER` cannot be opened: it is a link to a file that is not there");
    assert_eq!(folder.names(), ["ledger.db"]);
}

#[test]
fn a_link_to_a_ledger_is_followed_to_its_log_too() {
    let folder = Folder::new();
    let mut store = create(&folder.0.join("real.db"));
    symlink("real.db", folder.ledger()).expect("it is new");
    append(&mut store, vec![draft("second")]);
    assert_eq!(texts(&open(&folder.ledger())), ["first", "second"]);
    let linked = SqliteStore::open_for_writing(&folder.ledger(), WAIT).expect("it opens");
    append(&mut linked.expect("it is there"), vec![draft("third")]);
    assert_eq!(texts(&store), ["first", "second", "third"]);
    assert!(!folder.names().contains(&"ledger.db-wal".to_owned()));
}

#[test]
fn any_name_will_do() {
    let folder = Folder::new();
    for name in [
        "a?b=c#d%20e&f",
        "file:ledger.db?mode=memory",
        ":memory:",
        "-",
        " ",
        "größer",
    ] {
        drop(create(&folder.0.join(name)));
        assert_eq!(texts(&open(&folder.0.join(name))), ["first"]);
    }
    let name = OsStr::from_bytes(b"not \xff UTF-8");
    drop(create(&folder.0.join(name)));
    assert_eq!(texts(&open(&folder.0.join(name))), ["first"]);
}

#[test]
fn a_ledger_in_a_folder_that_takes_no_file_is_read() {
    let folder = Folder::new();
    let path = folder.0.join("a?b#c%20d");
    drop(create(&path));
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o500)).expect("it is ours");
    // Whoever may write everywhere, as root may, sees nothing special here.
    let texts = texts(&open(&path));
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).expect("it is ours");
    assert_eq!(texts, ["first"]);
}

#[test]
fn a_ledger_that_may_not_be_written_is_read() {
    let folder = Folder::new();
    drop(create(&folder.ledger()));
    fs::set_permissions(folder.ledger(), fs::Permissions::from_mode(0o400)).expect("it is ours");
    assert_eq!(texts(&open(&folder.ledger())), ["first"]);
}

#[test]
fn without_its_triggers_a_ledger_is_read_but_not_written() {
    let folder = Folder::new();
    drop(create(&folder.ledger()));
    let raw = Connection::open(folder.ledger()).expect("it opens");
    raw.execute_batch("DROP TRIGGER entry_stays")
        .expect("it goes");
    let store = open(&folder.ledger());
    assert_eq!(texts(&store), ["first"]);
    let expected = "the trigger `entry_stays` is not as it was made";
    assert_eq!(store.integrity().expect("it is checked"), [expected]);
    let answer = SqliteStore::open_for_writing(&folder.ledger(), WAIT);
    let damage = answer.expect_err("it is not safe").to_string();
    assert_eq!(damage, format!("the ledger is damaged: {expected}"));
}

#[test]
fn a_ledger_that_would_mislead_is_not_read() {
    for (sql, expected) in [
        (
            "CREATE INDEX more ON ENTRY(hash)",
            "the index `more` is none of ours",
        ),
        (
            "ALTER TABLE entry ADD COLUMN more BLOB",
            "the table `entry` is not as it was made",
        ),
        (
            "DROP TABLE subject",
            "the table `subject` is not as it was made",
        ),
        (
            "ALTER TABLE snapshot RENAME TO other; CREATE VIEW snapshot AS SELECT * FROM other",
            "the table `snapshot` is not as it was made",
        ),
    ] {
        let folder = Folder::new();
        drop(create(&folder.ledger()));
        Connection::open(folder.ledger())
            .expect("it opens")
            .execute_batch(sql)
            .expect(sql);
        let damage = refusal(&folder.ledger()).to_string();
        assert!(damage.contains(expected), "{damage}");
    }
}

#[test]
fn what_others_add_beside_is_reported_and_does_no_harm() {
    let folder = Folder::new();
    drop(create(&folder.ledger()));
    let raw = Connection::open(folder.ledger()).expect("it opens");
    raw.execute_batch("CREATE TABLE notes(note); ANALYZE")
        .expect("it is made");
    let mut store = create(&folder.ledger());
    append(&mut store, vec![draft("second")]);
    let reported = store.integrity().expect("it is checked");
    assert!(
        reported.contains(&"the table `notes` is none of ours".to_owned()),
        "{reported:?}"
    );
}

#[test]
fn a_damaged_page_is_noticed() {
    let folder = Folder::new();
    let mut store = create(&folder.ledger());
    append(
        &mut store,
        (0..500)
            .map(|n| about("some entry", &[&n.to_string()]))
            .collect(),
    );
    drop(store);
    let mut bytes = fs::read(folder.ledger()).expect("nobody has it open");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(folder.ledger(), &bytes).expect("nobody has it open");
    let checked = open(&folder.ledger()).integrity();
    assert!(!matches!(&checked, Ok(found) if found.is_empty()));
    bytes.truncate(middle);
    fs::write(folder.ledger(), &bytes).expect("nobody has it open");
    let checked = SqliteStore::open(&folder.ledger(), WAIT)
        .and_then(|store| store.expect("it is there").integrity());
    assert!(!matches!(&checked, Ok(found) if found.is_empty()));
}
