//! The index of subjects: which entries are about what, and the proof that none was lost.
//!
//! No hash of the journal covers it, and what is not found there is taken not to be: a flipped bit
//! could let a code be redeemed twice. So its rows stand in buckets, each with a sum over its
//! rows, and whoever looks for one row sums up its bucket. Whether the rows agree with the entries
//! is held against the journal by `verify`.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::OptionalExtension;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use super::SqliteStore;
use super::row::{bound, number, text};
use crate::store::{Hash, StoreError};

/// Of a million rows of the index, some 250 are read to find one.
const BUCKETS: u16 = 4096;

const UNSOUND: &str = "the index of subjects is not as it was written";

impl SqliteStore {
    /// Hands each subject in the index to `visit`, with the number of an entry about it, in no
    /// order.
    ///
    /// # Errors
    /// A store that cannot be read, and whatever `visit` answers.
    pub fn subjects(
        &self,
        visit: &mut dyn FnMut(&str, u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each("SELECT subject, number FROM subject", [], |row| {
            Ok(visit(text(row, 0)?, number(row, 1)?)?)
        })
    }

    /// The entries about a subject, ascending.
    pub(super) fn numbers_about(&self, subject: &str) -> Result<Vec<u64>, StoreError> {
        let mut numbers = Vec::new();
        self.read_bucket(bucket(subject), |found, number| {
            numbers.extend((found == subject).then_some(number));
        })?;
        Ok(numbers)
    }

    /// The entries about each of many subjects, ascending. Each bucket is read once.
    pub(super) fn numbers_about_all(
        &self,
        subjects: &[String],
    ) -> Result<Vec<Vec<u64>>, StoreError> {
        let mut asked = BTreeMap::<i64, BTreeMap<&str, Vec<u64>>>::new();
        for subject in subjects {
            let of_bucket = asked.entry(bucket(subject)).or_default();
            of_bucket.insert(subject, Vec::new());
        }
        for (bucket, of_bucket) in &mut asked {
            self.read_bucket(*bucket, |found, number| {
                if let Some(numbers) = of_bucket.get_mut(found) {
                    numbers.push(number);
                }
            })?;
        }
        let numbers = |subject: &String| asked[&bucket(subject)][subject.as_str()].clone();
        Ok(subjects.iter().map(numbers).collect())
    }

    /// Hands the rows of a bucket to `visit`, by subject, then number. That they are as they were
    /// written is known at the end only.
    fn read_bucket(&self, bucket: i64, mut visit: impl FnMut(&str, u64)) -> Result<(), StoreError> {
        let sql = "SELECT ifnull((SELECT sum FROM subject_sum WHERE bucket = ?1), 0), \
             s.subject, s.number FROM (SELECT 1) LEFT JOIN subject s ON s.bucket = ?1 \
             ORDER BY s.subject, s.number";
        let (mut kept, mut sum) = (0, 0_i64);
        self.each(sql, [bucket], |row| {
            kept = row.get(0)?;
            if row.get_ref(1)? != ValueRef::Null {
                let (found, number) = (text(row, 1)?, number(row, 2)?);
                sum = sum.wrapping_add(summand(found, number));
                visit(found, number);
            }
            Ok(())
        })?;
        if kept != sum {
            return Err(StoreError::Damaged(UNSOUND.to_owned()));
        }
        Ok(())
    }

    /// Adds subjects, each with the number of an entry about it.
    pub(super) fn index<'subject>(
        &self,
        subjects: impl IntoIterator<Item = (&'subject str, u64)>,
    ) -> rusqlite::Result<()> {
        let prepare = |sql| self.connection.prepare_cached(sql);
        let mut row = prepare("INSERT INTO subject(bucket, subject, number) VALUES (?, ?, ?)")?;
        let mut sum_before = prepare("SELECT sum FROM subject_sum WHERE bucket = ?")?;
        let mut sum_after =
            prepare("INSERT OR REPLACE INTO subject_sum(bucket, sum) VALUES (?, ?)")?;
        for (bucket, rows) in by_bucket(subjects) {
            let sum = sum_before
                .query_row([bucket], |row| row.get(0))
                .optional()?;
            let mut sum: i64 = sum.unwrap_or_default();
            for (subject, number) in rows {
                row.execute((bucket, subject, bound(number)))?;
                sum = sum.wrapping_add(summand(subject, number));
            }
            sum_after.execute((bucket, sum))?;
        }
        Ok(())
    }

    /// Sums up every bucket, and adds to `found` if one is not as it was written.
    pub(super) fn check_index(&self, found: &mut Vec<String>) -> Result<(), StoreError> {
        let mut rests = BTreeMap::<i64, i64>::new();
        self.each("SELECT bucket, sum FROM subject_sum", [], |row| {
            rests.insert(row.get(0)?, row.get(1)?);
            Ok(())
        })?;
        let mut in_place = true;
        self.each("SELECT bucket, subject, number FROM subject", [], |row| {
            let (kept_in, subject): (i64, &str) = (row.get(0)?, text(row, 1)?);
            in_place &= kept_in == bucket(subject);
            let rest = rests.entry(kept_in).or_default();
            *rest = rest.wrapping_sub(summand(subject, number(row, 2)?));
            Ok(())
        })?;
        let sound = in_place && rests.values().all(|rest| *rest == 0);
        found.extend((!sound).then(|| UNSOUND.to_owned()));
        Ok(())
    }
}

/// The rows of each bucket once, in order, so that each page of the index is touched once however
/// many they are.
fn by_bucket<'subject>(
    subjects: impl IntoIterator<Item = (&'subject str, u64)>,
) -> BTreeMap<i64, BTreeSet<(&'subject str, u64)>> {
    let mut buckets = BTreeMap::<_, BTreeSet<_>>::new();
    for (subject, number) in subjects {
        let rows = buckets.entry(bucket(subject)).or_default();
        rows.insert((subject, number));
    }
    buckets
}

/// The part of the index that a subject stands in.
fn bucket(subject: &str) -> i64 {
    let [first, second, ..]: Hash = Sha256::digest(subject).into();
    i64::from(u16::from_be_bytes([first, second]) % BUCKETS)
}

/// What a row of the index adds to the sum of its bucket.
fn summand(subject: &str, number: u64) -> i64 {
    let hash = Sha256::new()
        .chain_update(subject)
        .chain_update(number.to_be_bytes())
        .finalize();
    let [a, b, c, d, e, f, g, h, ..]: Hash = hash.into();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}
