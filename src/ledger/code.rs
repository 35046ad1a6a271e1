//! Codes that are minted here: how they are made, and how they are told from others when typed.
//!
//! A minted code is 24 symbols of Crockford's base 32 (<https://www.crockford.com/base32.html>,
//! read 2026-11-26), which has no I, L, O and U: the prefix `CRD`, 20 random symbols, which are
//! 100 bits, and a check symbol. It is printed in six groups of four. The check symbol makes the
//! sum of all symbols, each with a weight of its own in the field of 32 elements, zero. So every
//! single wrong symbol and every two that are swapped are found out, wherever they stand.
//! Crockford's own check symbol, modulo 37, needs five symbols more that are hard to read aloud.
//!
//! Not here: other people's codes, of which nothing is known but what was typed.

use std::fmt;

/// The symbols, in the order of their values.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What every minted code begins with.
pub const PREFIX: &str = "CRD";
/// How many random bytes a code is made from; half of the last one is not used.
pub const RANDOM_BYTES: usize = 13;

const LENGTH: usize = 24;
const GROUP: usize = 4;

/// A minted code, as the values of its symbols.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MintedCode([u8; LENGTH]);

impl MintedCode {
    /// The code that random bytes make: their first 100 bits.
    #[must_use]
    pub fn new(random: [u8; RANDOM_BYTES]) -> MintedCode {
        let bits = random.iter();
        let bits = bits.fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        let mut values = [0; LENGTH];
        let prefix = PREFIX.chars().filter_map(value);
        let drawn = (0..20).rev().map(|at| (bits >> (4 + 5 * at) & 31) as u8);
        for (place, symbol) in values.iter_mut().zip(prefix.chain(drawn)) {
            *place = symbol;
        }
        values[LENGTH - 1] = check(&values[..LENGTH - 1]);
        MintedCode(values)
    }

    /// Its symbols in one piece.
    #[must_use]
    pub fn plain(&self) -> String {
        let symbols = self.0.iter();
        symbols
            .map(|value| char::from(ALPHABET[usize::from(*value)]))
            .collect()
    }
}

/// In groups that can be read aloud.
impl fmt::Display for MintedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, symbol) in self.plain().chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{symbol}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MintedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", &self.plain()[LENGTH - GROUP..])
    }
}

/// What a code that somebody typed looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// One that was minted, here or in another ledger.
    Minted(MintedCode),
    /// One that was minted, but for a typing error.
    Mistyped,
    /// Somebody else's.
    Foreign,
}

impl Typed {
    /// Reads what was typed. Upper and lower case, spaces and hyphens make no difference; O reads
    /// as 0, I and L as 1. A typing error is one wrong symbol, also in the prefix, two that are
    /// swapped, one left out or one too many.
    #[must_use]
    pub fn of(text: &str) -> Typed {
        let symbols = plain(text);
        let values: Vec<Option<u8>> = symbols.chars().map(value).collect();
        let begins = |text: &str| symbols.starts_with(text);
        match <[Option<u8>; LENGTH]>::try_from(values) {
            Ok(values) => match minted(values) {
                Some(code) if begins(PREFIX) => Typed::Minted(code),
                Some(_) => Typed::Foreign,
                None if is_nearly_prefix(&symbols) => Typed::Mistyped,
                None => Typed::Foreign,
            },
            Err(values) if values.len().abs_diff(LENGTH) == 1 && begins(PREFIX) => Typed::Mistyped,
            Err(_) => Typed::Foreign,
        }
    }
}

/// A code in one piece and in capitals, as every code is compared.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|symbol| !symbol.is_whitespace() && *symbol != '-')
        .flat_map(char::to_uppercase)
        .collect()
}

/// The code that these symbols are, whatever they begin with, if the check symbol says so.
fn minted(values: [Option<u8>; LENGTH]) -> Option<MintedCode> {
    let mut read = [0; LENGTH];
    for (place, value) in read.iter_mut().zip(values) {
        *place = value?;
    }
    let (checked, last) = read.split_at(LENGTH - 1);
    (check(checked) == last[0]).then_some(MintedCode(read))
}

/// Whether the first symbols are the prefix but for one, or with two of them swapped.
fn is_nearly_prefix(symbols: &str) -> bool {
    let typed = || symbols.chars().take(PREFIX.len());
    let wrong = typed().zip(PREFIX.chars()).filter(|(a, b)| a != b);
    let is_swapped = || typed().all(|symbol| PREFIX.contains(symbol));
    match wrong.count() {
        0 | 1 => true,
        2 => is_swapped(),
        _ => false,
    }
}

/// The value of a symbol as it is read.
fn value(symbol: char) -> Option<u8> {
    let symbol = match symbol {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let mut known = ALPHABET.iter();
    let found = known.position(|known| char::from(*known) == symbol)?;
    u8::try_from(found).ok()
}

/// The symbol that makes the weighted sum zero. The weights are the powers of a generator of the
/// field of 32 elements, of which no two within 31 places are the same.
fn check(values: &[u8]) -> u8 {
    let sum = values.iter();
    sum.fold(0, |sum, value| times_generator(sum ^ value))
}

/// In the field of polynomials over two elements modulo x^5 + x^2 + 1, which is primitive.
fn times_generator(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 32 == 0 {
        shifted
    } else {
        shifted ^ 0b10_0101
    }
}
