//! Names: accounts, services, regions, currencies, offers, credits and bills.
//!
//! Each is a type of its own that cannot hold an impossible value, so that everything after the
//! door is infallible. Names come from strangers: they are bounded and hold no control characters.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::catalog;
use crate::period::Month;

/// The longest name in bytes.
pub const NAME_LIMIT: usize = 256;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// White space around it, or a control character in it.
    #[error("has white space around it or a control character in it")]
    Unprintable,
    /// Longer than [`NAME_LIMIT`] bytes.
    #[error("is longer than {NAME_LIMIT} bytes")]
    TooLong,
    /// Not an ISO 4217 code.
    #[error("is not a currency, currencies are ISO 4217 codes as in `USD`")]
    NotACurrency,
    /// Not an ISO 3166 code.
    #[error("is not a country, countries are ISO 3166 codes as in `DE`")]
    NotACountry,
    /// Not `C12` or `C12.1`.
    #[error("is not a credit, credits are named as in `C12`")]
    NotACredit,
    /// Not `PAYER/MONTH` or `PAYER/MONTH/CURRENCY`.
    #[error("is not a bill, bills are named as in `111122223333/2026-01`")]
    NotABill,
}

/// Control characters, and those that turn the direction of writing round them.
pub(crate) fn is_unprintable(symbol: char) -> bool {
    symbol.is_control()
        || matches!(symbol, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Refuses names that are empty, padded, unprintable or too long.
pub(crate) fn checked(text: &str) -> Result<&str, NameError> {
    if text.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if text.trim() != text || text.chars().any(is_unprintable) {
        return Err(NameError::Unprintable);
    }
    if text.len() > NAME_LIMIT {
        return Err(NameError::TooLong);
    }
    Ok(text)
}

macro_rules! name {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a name as it is.
            ///
            /// # Errors
            /// Empty, padded, unprintable or too long names.
            pub fn new(text: &str) -> Result<Self, NameError> {
                Ok($name(Arc::from(checked(text)?)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// An account: a payer account, a usage account, or both. Text, since ids have leading zeros
    /// and are not always twelve digits.
    AccountId
}
name! {
    /// A provider's service, as its product code (`AmazonEC2`).
    Service
}
name! {
    /// A region (`eu-west-1`, `global`).
    Region
}
name! {
    /// Regions of a scope: one by its name (`eu-west-1`), or those of a pattern in which `*` stands
    /// for any run of symbols, also for none (`eu-*`, `*-west-*`).
    RegionPattern
}
name! {
    /// The id of an offer.
    OfferId
}

impl RegionPattern {
    /// What stands for any run of symbols.
    pub const ANY: char = '*';

    /// Whether it is a pattern, and not the name of one region.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.0.contains(Self::ANY)
    }

    /// Whether a region is among those that it stands for.
    #[must_use]
    pub fn matches(&self, region: &str) -> bool {
        let Some((head, tail)) = self.0.split_once(Self::ANY) else {
            return &*self.0 == region;
        };
        let (parts, end) = tail.rsplit_once(Self::ANY).unwrap_or(("", tail));
        let rest = region.strip_prefix(head);
        let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(end)) else {
            return false;
        };
        // Each part where it first occurs: that leaves the most to those after it.
        parts.split(Self::ANY).all(|part| {
            let found = rest.split_once(part);
            found.map(|(_, after)| rest = after).is_some()
        })
    }
}

/// The code of a country of ISO 3166-1, in capitals.
///
/// # Errors
/// Anything else.
pub fn country_code(text: &str) -> Result<&str, NameError> {
    if catalog::is_country(text) {
        Ok(text)
    } else {
        Err(NameError::NotACountry)
    }
}

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
}

impl Currency {
    /// US dollars, what a credit is in where nothing else is said.
    pub const USD: Currency = Currency { code: *b"USD" };

    /// Takes a code of ISO 4217 in capitals.
    ///
    /// # Errors
    /// Anything else.
    pub fn new(text: &str) -> Result<Currency, NameError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if catalog::minor_digits(text).is_some() => Ok(Currency { code }),
            _ => Err(NameError::NotACurrency),
        }
    }

    /// The code as bytes.
    #[must_use]
    pub fn code(&self) -> [u8; 3] {
        self.code
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Digits after the point of its minor unit: 2 for `USD`, 0 for `JPY`.
    #[must_use]
    pub fn minor_digits(&self) -> u32 {
        catalog::minor_digits(self.as_str()).unwrap_or(2)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A credit: `C12` is the one that entry 12 made, `C12.1` a part that entry 12 split off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditId {
    /// The number of the entry that made it, from 1.
    pub entry: u64,
    /// The number of the part, from 1; 0 for a credit that is no part.
    pub part: u32,
}

impl CreditId {
    /// The credit that an entry made.
    #[must_use]
    pub fn made_by(entry: u64) -> CreditId {
        CreditId { entry, part: 0 }
    }

    /// Reads `C12` or `C12.1`.
    ///
    /// # Errors
    /// Anything else, leading zeros included.
    pub fn parse(text: &str) -> Result<CreditId, NameError> {
        let number = |digits: &str| {
            let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u64>().ok().filter(|_| plain)
        };
        let digits = text.strip_prefix('C').ok_or(NameError::NotACredit)?;
        let (entry, part) = match digits.split_once('.') {
            Some((entry, part)) => (number(entry), number(part)),
            None => (number(digits), Some(0)),
        };
        match (entry, part.and_then(|part| u32::try_from(part).ok())) {
            (Some(entry), Some(part)) => Ok(CreditId { entry, part }),
            _ => Err(NameError::NotACredit),
        }
    }
}

impl fmt::Display for CreditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{}", self.entry)?;
        if self.part > 0 {
            write!(f, ".{}", self.part)?;
        }
        Ok(())
    }
}

impl fmt::Debug for CreditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A bill: one payer account, one billing month, one currency. Ordered by month first, the order
/// in which bills are booked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillId {
    /// The billing month.
    pub month: Month,
    /// Who gets the bill.
    pub payer: AccountId,
    /// What it is in.
    pub currency: Currency,
}

impl BillId {
    /// Reads `PAYER/MONTH`, which is in USD, or `PAYER/MONTH/CURRENCY`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<BillId, NameError> {
        let (rest, last) = text.rsplit_once('/').ok_or(NameError::NotABill)?;
        let (payer, month, currency) = match (Month::parse(last), rest.rsplit_once('/')) {
            (Ok(month), _) => (rest, month, Currency::USD),
            (Err(_), Some((payer, month))) => {
                let month = Month::parse(month).map_err(|_| NameError::NotABill)?;
                (payer, month, Currency::new(last)?)
            }
            (Err(_), None) => return Err(NameError::NotABill),
        };
        let payer = AccountId::new(payer).map_err(|_| NameError::NotABill)?;
        Ok(BillId {
            month,
            payer,
            currency,
        })
    }
}

impl fmt::Display for BillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.payer, self.month)?;
        if self.currency != Currency::USD {
            write!(f, "/{}", self.currency)?;
        }
        Ok(())
    }
}

impl fmt::Debug for BillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_printable_bounded_text() {
        assert_eq!(AccountId::new("000123").expect("a name").as_str(), "000123");
        assert_eq!(Service::new(""), Err(NameError::Empty));
        assert_eq!(Service::new(" x"), Err(NameError::Unprintable));
        assert_eq!(Service::new("a\u{1b}[31m"), Err(NameError::Unprintable));
        assert_eq!(Service::new(&"x".repeat(257)), Err(NameError::TooLong));
    }

    #[test]
    fn a_pattern_stands_for_the_regions_it_matches() {
        for (pattern, matched, others) in [
            ("eu-west-1", "eu-west-1", "eu-west-10 eu-west- xeu-west-1"),
            ("eu-*", "eu-west-1 eu-", "eu us-eu-1 global"),
            ("*-1", "eu-west-1 -1", "eu-west-2 1"),
            ("*-west-*", "eu-west-1 -west-", "eu-west eu-east-1"),
            ("*", "eu-west-1 global *", ""),
            ("**", "eu-west-1", ""),
            ("a*a", "aa aba aaa", "a ab ba"),
            ("a*b*b*c", "abbc axbxbxc abbbc", "abc abcb"),
            ("eu*west**1", "eu-west-1 euwest1", "eu-west-2 eu-1"),
            ("*ü*", "grün", "grun"),
        ] {
            let pattern = RegionPattern::new(pattern).expect("a pattern");
            assert_eq!(pattern.is_pattern(), pattern.as_str().contains('*'));
            for region in matched.split_whitespace() {
                assert!(pattern.matches(region), "{pattern} {region}");
            }
            for region in others.split_whitespace() {
                assert!(!pattern.matches(region), "{pattern} {region}");
            }
        }
    }

    #[test]
    fn ids_print_as_they_are_read() {
        for text in ["C12", "C12.1", "C1"] {
            assert_eq!(CreditId::parse(text).expect("a credit").to_string(), text);
        }
        for text in [
            "c12",
            "C",
            "C0",
            "C012",
            "C12.",
            "C12.0",
            "C1.2.3",
            "C-1",
            "C99999999999999999999",
        ] {
            assert_eq!(CreditId::parse(text), Err(NameError::NotACredit), "{text}");
        }
        for text in [
            "111122223333/2026-01",
            "111122223333/2026-01/EUR",
            "/providers/x:y/2026-01",
        ] {
            assert_eq!(BillId::parse(text).expect("a bill").to_string(), text);
        }
        for text in ["111122223333", "/2026-01", "1/2026-13", "1/2026-01/XYZ", ""] {
            assert!(BillId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_currency_is_of_iso_4217() {
        assert_eq!(Currency::new("JPY").expect("a currency").minor_digits(), 0);
        assert_eq!(Currency::new("KWD").expect("a currency").minor_digits(), 3);
        for text in ["usd", "US", "USDT", "ZZZ", ""] {
            assert_eq!(Currency::new(text), Err(NameError::NotACurrency), "{text}");
        }
    }
}
