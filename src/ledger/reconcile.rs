//! Ours against the provider's: what each says that credits paid, by month, account, service and
//! credit.

use crate::money::Money;

/// How far two amounts may differ and still agree: real credit rows exceed their charges by up to
/// 1e-8 per key.
pub const TOLERANCE: Money = Money::from_units(1_000_000_000_000);
