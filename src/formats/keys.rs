//! Numbers by the cells that decide them, exactly: no two keys are ever taken for one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex};

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::workers::lock;

/// An odd number whose bits are spread, by which others are mixed.
const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers by byte strings, which stand one after the other in one piece of memory.
#[derive(Clone)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    table: HashTable<Slot>,
    /// Drawn, so that nobody can choose keys that fall together.
    seed: u64,
}

/// Where a key stands, and its number.
#[derive(Clone, Copy)]
struct Slot {
    start: usize,
    length: u32,
    number: u32,
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            bytes: Vec::new(),
            table: HashTable::new(),
            seed: seed(),
        }
    }
}

fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Keys {
    /// The number of a key, if it has one.
    pub(super) fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = xxh3_64_with_seed(key, self.seed);
        let slot = self.table.find(hash, |slot| slot.key(&self.bytes) == key)?;
        Some(slot.number)
    }

    /// Gives a key that has none a number.
    pub(super) fn insert(&mut self, key: &[u8], number: u32) {
        let slot = Slot {
            start: self.bytes.len(),
            // Keys are made of cells of one row, which is shorter.
            length: key.len() as u32,
            number,
        };
        self.bytes.extend_from_slice(key);
        let (bytes, seed) = (&self.bytes, self.seed);
        let hash = xxh3_64_with_seed(key, seed);
        self.table
            .insert_unique(hash, slot, |slot| xxh3_64_with_seed(slot.key(bytes), seed));
    }
}

impl Slot {
    fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let end = self.start + self.length as usize;
        bytes.get(self.start..end).unwrap_or_default()
    }
}

/// How many texts are found at once, a power of two: more than most columns have.
const QUICK: usize = 256;

/// The codes of the texts of one column, from 1 on. Clones give one text one code, each remembering
/// for itself those that it has met.
#[derive(Clone)]
pub(super) struct Codes {
    all: Arc<Mutex<Keys>>,
    met: Keys,
    /// Some of the short ones, each where its hash says.
    quick: Box<[(Short, u16)]>,
}

impl Default for Codes {
    fn default() -> Codes {
        Codes {
            all: Arc::default(),
            met: Keys::default(),
            quick: vec![(0, 0); QUICK].into(),
        }
    }
}

/// What a text of up to 15 bytes is in one word: the bytes, and their number in the last one.
type Short = u128;

impl Codes {
    /// The code of a text, the bytes of `row` from `start` to `end`; nothing where there are too many.
    #[inline]
    pub(super) fn code(&mut self, row: &[u8], start: usize, end: usize) -> Option<u16> {
        let Some(short) = short(row, start, end) else {
            return self.of_any(row.get(start..end)?);
        };
        let folded = (short as u64) ^ ((short >> 64) as u64).rotate_left(23);
        let at = (folded.wrapping_mul(MIXER) >> 56) as usize % QUICK;
        match self.quick.get(at) {
            Some((known, code)) if *known == short => Some(*code),
            _ => {
                let code = self.of_any(row.get(start..end)?)?;
                if let Some(place) = self.quick.get_mut(at) {
                    *place = (short, code);
                }
                Some(code)
            }
        }
    }

    fn of_any(&mut self, text: &[u8]) -> Option<u16> {
        if let Some(code) = self.met.find(text) {
            return u16::try_from(code).ok();
        }
        let mut all = lock(&self.all);
        let code = match all.find(text) {
            Some(code) => code,
            None => {
                let code = u32::from(u16::try_from(all.table.len() + 1).ok()?);
                all.insert(text, code);
                code
            }
        };
        self.met.insert(text, code);
        u16::try_from(code).ok()
    }
}

#[inline]
fn short(row: &[u8], start: usize, end: usize) -> Option<Short> {
    let length = end - start;
    if length > 15 {
        return None;
    }
    let bytes = row.get(start..).and_then(<[u8]>::first_chunk::<16>);
    let word = match bytes {
        Some(bytes) => u128::from_le_bytes(*bytes) & ((1 << (8 * length)) - 1),
        None => {
            // Near the end of the block.
            let mut bytes = [0; 16];
            for (to, from) in bytes.iter_mut().zip(row.get(start..end)?) {
                *to = *from;
            }
            u128::from_le_bytes(bytes)
        }
    };
    Some(word | (length as u128 | 0x80) << 120)
}

/// How many codes decide to which sum a row belongs.
pub(super) const CODES: usize = 9;

/// The codes of the cells that decide it.
pub(super) type RowKey = [u16; CODES];

/// Sums by keys of rows.
pub(super) struct SumsByKey {
    table: HashTable<(RowKey, u32)>,
    seed: u64,
}

impl Default for SumsByKey {
    fn default() -> SumsByKey {
        SumsByKey {
            table: HashTable::new(),
            seed: seed(),
        }
    }
}

impl SumsByKey {
    /// The number of the sum of a key, if it has one.
    #[inline]
    pub(super) fn find(&self, key: &RowKey) -> Option<u32> {
        let hash = hash(key, self.seed);
        let (_, number) = self.table.find(hash, |(known, _)| known == key)?;
        Some(*number)
    }

    /// Gives a key that has none a sum.
    pub(super) fn insert(&mut self, key: RowKey, number: u32) {
        let seed = self.seed;
        self.table
            .insert_unique(hash(&key, seed), (key, number), |(key, _)| hash(key, seed));
    }
}

#[inline]
fn hash(key: &RowKey, seed: u64) -> u64 {
    let [a, b, c, d, e, f, g, h, i] = key.map(u64::from);
    let one = a | b << 16 | c << 32 | d << 48;
    let two = e | f << 16 | g << 32 | h << 48;
    let fold = |one: u64, two: u64| {
        let product = u128::from(one) * u128::from(two);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let one = fold(one ^ seed, MIXER);
    fold(one ^ two ^ i << 7, 0xd6e8_feb8_6659_fd93)
}
