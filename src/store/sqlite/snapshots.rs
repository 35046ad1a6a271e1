//! The snapshots that are kept: which of them may be believed, and which may go.
//!
//! A snapshot is only ever a shorter way to what the records say, so one that is not sound is
//! passed over rather than an error. What is in it is not known here.

use rusqlite::Row;
use sha2::{Digest, Sha256};

use super::SqliteStore;
use super::fault::Trouble;
use super::row::{blob, bound, head, number};
use crate::store::{Hash, Head, Snapshot, StoreError};

/// Sets the checksums of snapshots apart from any other SHA-256 of the same bytes.
const DOMAIN: &[u8] = b"credits snapshot 1\n";

impl SqliteStore {
    /// The latest sound snapshot of this journal that is of no later entry than `at_most`.
    pub(super) fn latest_snapshot(&self, at_most: u64) -> Result<Option<Snapshot>, StoreError> {
        // The bytes are asked for one snapshot at a time: a row of several megabytes is read whole.
        let ours = "SELECT s.number FROM snapshot s \
             CROSS JOIN entry e ON e.number = s.number AND e.hash = s.hash \
             WHERE s.number <= ? ORDER BY s.number DESC";
        let mut numbers = Vec::new();
        self.each(ours, [bound(at_most)], |row| {
            numbers.push(number(row, 0)?);
            Ok(())
        })?;
        for number in numbers {
            let mut found = None;
            let sql = "SELECT number, hash, checksum, bytes FROM snapshot WHERE number = ?";
            self.each(sql, [bound(number)], |row| {
                found = sound(row)?;
                Ok(())
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Adds a snapshot, and removes those of another journal and those that are in surplus.
    pub(super) fn replace_snapshot(&self, snapshot: &Snapshot) -> Result<(), Trouble> {
        self.add_snapshot(snapshot)?;
        self.connection.execute(
            "DELETE FROM snapshot WHERE hash IS NOT \
             (SELECT e.hash FROM entry e WHERE e.number = snapshot.number)",
            [],
        )?;
        let kept: Vec<i64> = self
            .connection
            .prepare("SELECT number FROM snapshot ORDER BY number")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for number in surplus(&kept) {
            self.connection
                .execute("DELETE FROM snapshot WHERE number = ?", [number])?;
        }
        Ok(())
    }

    fn add_snapshot(&self, Snapshot { head, bytes }: &Snapshot) -> Result<(), Trouble> {
        let added = self.connection.execute(
            "INSERT OR REPLACE INTO snapshot(number, hash, checksum, bytes) \
             SELECT number, hash, ?, ? FROM entry WHERE number = ? AND hash = ?",
            (checksum(head, bytes), bytes, bound(head.number), head.hash),
        )?;
        if added == 0 {
            let what = format!(
                "the snapshot after entry {} is not of this journal",
                head.number
            );
            Err(StoreError::Damaged(what))?;
        }
        Ok(())
    }

    /// Adds to `found` each snapshot that is not sound, or not of this journal.
    pub(super) fn check_snapshots(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let sql = "SELECT s.number, s.hash, s.checksum, s.bytes, e.number IS NOT NULL \
             FROM snapshot s LEFT JOIN entry e ON e.number = s.number AND e.hash = s.hash";
        self.each(sql, [], |row| {
            let number = number(row, 0)?;
            let is_sound = row.get(4)? && sound(row)?.is_some();
            let what = || format!("the snapshot after entry {number} is not sound");
            found.extend((!is_sound).then(what));
            Ok(())
        })
    }
}

/// The snapshot in a row of number, hash, checksum and bytes, if its checksum holds.
fn sound(row: &Row<'_>) -> rusqlite::Result<Option<Snapshot>> {
    let head = head(row, 0)?;
    let bytes = blob(row, 3)?;
    let holds = blob(row, 2)? == checksum(&head, bytes);
    Ok(holds.then(|| Snapshot {
        head,
        bytes: bytes.to_vec(),
    }))
}

fn checksum(head: &Head, bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(head.number.to_be_bytes())
        .chain_update(head.hash)
        .chain_update(bytes)
        .finalize()
        .into()
}

/// Which snapshots, given by ascending numbers, may go: the newest two stay, and of the older ones
/// the oldest in each band of distances from the newest, whose bounds are powers of two. (The
/// newest of each would be displaced for ever before it reached the next band.)
fn surplus(numbers: &[i64]) -> Vec<i64> {
    let [older @ .., _, newest] = numbers else {
        return Vec::new();
    };
    let mut taken = None;
    let mut surplus = Vec::new();
    for number in older {
        let band = newest.abs_diff(*number).checked_ilog2();
        if taken == Some(band) {
            surplus.push(*number);
        }
        taken = Some(band);
    }
    surplus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_kept_ever_farther_apart() {
        let mut kept = Vec::new();
        for number in 1..=1000 {
            kept.push(number);
            let surplus = surplus(&kept);
            kept.retain(|number| !surplus.contains(number));
        }
        assert_eq!(kept, [1, 513, 769, 897, 961, 977, 985, 993, 997, 999, 1000]);
    }
}
