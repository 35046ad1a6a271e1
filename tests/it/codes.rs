//! Minted codes: how they are drawn, how typing errors are found out, and that other people's codes
//! are what they always were.

use std::collections::BTreeSet;

use credits_ledger::ledger::code::{ALPHABET, MintedCode, PREFIX, RANDOM_BYTES, Typed};
use credits_ledger::ledger::entry::LedgerId;
use credits_ledger::store::journal::mark;
use proptest::array::uniform13;
use proptest::prelude::*;

const LEDGER: LedgerId = LedgerId([7; 16]);

fn codes() -> impl Strategy<Value = MintedCode> {
    uniform13(any::<u8>()).prop_map(MintedCode::new)
}

fn typed(symbols: &[u8]) -> Typed {
    Typed::of(std::str::from_utf8(symbols).expect("symbols are ASCII"))
}

proptest! {
    #[test]
    fn every_single_wrong_symbol_is_found_out(code in codes()) {
        let right = code.plain().into_bytes();
        for at in 0..right.len() {
            for symbol in ALPHABET.iter().chain(b"U_.") {
                let mut wrong = right.clone();
                wrong[at] = *symbol;
                let found = match wrong == right {
                    true => Typed::Minted(code),
                    false => Typed::Mistyped,
                };
                prop_assert_eq!(typed(&wrong), found, "{} at {}", char::from(*symbol), at);
            }
        }
    }

    #[test]
    fn every_two_symbols_that_are_swapped_are_found_out(code in codes()) {
        let right = code.plain().into_bytes();
        for (a, b) in (0..right.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let mut wrong = right.clone();
            wrong.swap(a, b);
            let found = typed(&wrong);
            match wrong == right {
                true => prop_assert_eq!(found, Typed::Minted(code)),
                false => prop_assert_eq!(found, Typed::Mistyped, "{} and {}", a, b),
            }
        }
    }

    #[test]
    fn a_symbol_that_is_left_out_or_typed_twice_is_found_out(code in codes()) {
        let right = code.plain().into_bytes();
        for at in PREFIX.len()..right.len() {
            let (mut less, mut more) = (right.clone(), right.clone());
            less.remove(at);
            more.insert(at, right[at]);
            prop_assert_eq!(typed(&less), Typed::Mistyped);
            prop_assert_eq!(typed(&more), Typed::Mistyped);
        }
    }

    #[test]
    fn a_code_is_read_however_it_is_typed(code in codes()) {
        let groups = code.to_string();
        prop_assert_eq!(groups.split('-').map(str::len).collect::<Vec<_>>(), vec![4; 6]);
        prop_assert!(groups.starts_with(PREFIX));
        let spaced = groups.replace('-', " ").to_lowercase();
        let letters = code.plain().replace('0', "O").replace('1', "l");
        let other = code.plain().replace('0', "o").replace('1', "I");
        for text in [groups, code.plain(), spaced, letters, other] {
            prop_assert_eq!(Typed::of(&text), Typed::Minted(code));
            let kept = mark(LEDGER, &text);
            prop_assert_eq!(kept, mark(LEDGER, &code.plain()));
        }
    }

    #[test]
    fn all_of_a_hundred_bits_are_in_the_code(bytes in uniform13(any::<u8>()), bit in 0..104_usize) {
        let mut other = bytes;
        other[bit / 8] ^= 0x80 >> (bit % 8);
        let same = MintedCode::new(bytes) == MintedCode::new(other);
        prop_assert_eq!(same, bit >= 100);
    }

    #[test]
    fn codes_of_another_shape_are_not_ours(text in "[0-9A-Za-z]{4,22}|[0-9A-Za-z]{26,40}") {
        prop_assert_eq!(Typed::of(&text), Typed::Foreign);
    }
}

#[test]
fn the_code_of_known_bytes_is_known() {
    let code = |bytes: [u8; RANDOM_BYTES]| MintedCode::new(bytes).to_string();
    assert_eq!(code([0; 13]), "CRD0-0000-0000-0000-0000-0009");
    assert_eq!(code([255; 13]), "CRDZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZ3");
    // Worked out by hand, symbol by symbol: 5 bits each from the first byte on.
    let bytes = [
        0x08, 0x86, 0x42, 0x98, 0xe8, 0x4a, 0x96, 0xc6, 0xb9, 0xf0, 0x8c, 0xa7, 0x40,
    ];
    assert!(
        code(bytes).starts_with("CRD1-2345-6789-ABCD-EFGH-JKM"),
        "{}",
        code(bytes)
    );
}

#[test]
fn the_alphabet_has_no_letters_that_look_like_others() {
    let symbols: BTreeSet<u8> = ALPHABET.iter().copied().collect();
    assert_eq!(symbols.len(), 32);
    assert!(b"ILOU".iter().all(|letter| !symbols.contains(letter)));
}

#[test]
fn a_minted_code_is_not_shown_by_accident() {
    let code = MintedCode::new([3; RANDOM_BYTES]);
    let plain = code.plain();
    assert_eq!(format!("{code:?}"), format!("…{}", &plain[20..]));
}

#[test]
fn codes_of_other_people_are_kept_as_they_always_were() {
    // Hashes of the first version: O is no 0 in them, and the check symbol means nothing.
    for (code, last, hash) in [
        (
            "HCP2017-AAAA1",
            "AAA1",
            "e8d64be256fe39132b664c2c4de802ba777cabe4c96b1a1fbd6cbc9503711bf4",
        ),
        (
            "olio-1010-lulu",
            "LULU",
            "4b661ac2e63814600ec8f5a64ed670493d53981b305123111ebe34d19a3bd043",
        ),
        (
            "CRDO-0000-0000-0000-0000-0000",
            "0000",
            "8ff0361bce58360cce7b7eaa998c74e9d50de39e069320195abb3edb7662882d",
        ),
    ] {
        let kept = mark(LEDGER, code);
        let hex: String = kept.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((kept.last.as_str(), hex.as_str()), (last, hash), "{code}");
    }
}
