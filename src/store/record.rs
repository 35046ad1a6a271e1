//! Entries as bytes, and the chain of hashes that binds them.

use sha2::{Digest, Sha256};

use super::Hash;

/// Sets these hashes apart from any other SHA-256 of the same bytes.
const DOMAIN: &[u8] = b"credits journal entry 1\n";

/// The hash of a record: SHA-256 over domain, number, previous hash, length and the exact bytes;
/// number and length as eight bytes, most significant first.
#[must_use]
pub fn chain(number: u64, previous: &Hash, bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(number.to_be_bytes())
        .chain_update(previous)
        .chain_update((bytes.len() as u64).to_be_bytes())
        .chain_update(bytes)
        .finalize()
        .into()
}
