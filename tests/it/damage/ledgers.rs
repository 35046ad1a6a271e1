//! Ledgers to be damaged.

use rusqlite::{Connection, OpenFlags};

use crate::command::support::{Ledger, bill, estimate};

const OFFERS: &str = r#"{"offers": [
    {"id": "course", "name": "Course", "kind": "educational", "amount": "25", "currency": "USD",
     "limits": {"per_account": 2}},
    {"id": "many", "name": "Many", "kind": "promotional", "amount": "1", "currency": "USD"}]}"#;

/// Twelve entries, of every kind, in one file.
pub(super) fn small() -> Ledger {
    let ledger = Ledger::with_a_credit();
    ledger.call("offer add -").stdin(OFFERS).run().ok();
    ledger.does("code add course AAAA1111BBBB CCCC2222DDDD");
    ledger.does("redeem CCCC2222DDDD --account 444455556666");
    ledger.does("account set 444455556666 --payer 111122223333 --joined 2026-01-01 --country DE");
    let charges =
        "ec2 AmazonEC2 64.20 region=eu-west-1; s3 AmazonS3 11.8734; tax AmazonEC2 2 category=tax";
    ledger.applies(&bill("2026-01", charges));
    let charges = "ec2 AmazonEC2 12.5; x AmazonS3 1 account=444455556666";
    ledger.applies(&estimate("2026-02", charges));
    ledger.does("grant --kind earned --amount 3 --account 111122223333");
    ledger.does("void C11 --reason 'granted twice'");
    ledger
}

/// The same and so many more that there is a snapshot, from which states are folded.
pub(super) fn long() -> Ledger {
    let ledger = small();
    let codes: Vec<String> = (0..250).map(|code| format!("LONG{code:08}\n")).collect();
    let add = ledger.call("code add many -").stdin(codes.concat());
    add.run().ok();
    ledger.does("grant --kind earned --amount 4 --account 111122223333");
    ledger
}

/// Somebody who has a ledger open and does nothing: meanwhile no command takes its log away.
pub(super) fn reader(ledger: &Ledger) -> Connection {
    let reader = Connection::open_with_flags(ledger.file(), OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("it opens");
    let entries = "SELECT count(*) FROM entry";
    let count: Result<i64, _> = reader.query_row(entries, [], |row| row.get(0));
    count.expect("it is a ledger");
    reader
}

/// Has three more commands done whose entries stand in the log only, and leaves them there, as a
/// kill does.
pub(super) fn fill_log(ledger: &Ledger) {
    let reader = reader(ledger);
    ledger.does("grant --kind earned --amount 6 --account 111122223333");
    ledger.applies(&bill("2026-02", "ec2 AmazonEC2 12.5"));
    ledger.does("grant --kind earned --amount 7 --account 111122223333");
    // It may not write, so it does not put the log into the file either.
    drop(reader);
}
