//! `credits`: a ledger for cloud credits.
//!
//! It records promotional, earned, Activate and educational credits, applies them to monthly
//! bills by the provider's rules, and says what the card pays, what is left, and why.
//!
//! The rooms, in the one direction of flow:
//!
//! - [`money`], [`period`]: exact amounts; days, months and periods of validity.
//! - [`catalog`]: tables: currencies, services and their names, services that credits never pay
//!   for, what accounts usually are.
//! - [`ledger`]: the core. [`ledger::apply`] is the rule of application, [`ledger::as_billed`] books
//!   what the provider applied instead, [`ledger::decide`] and its neighbours turn a request into
//!   entries, [`ledger::state`] folds entries. No files, no clock, no serde.
//! - [`foresight`]: what bills will come to, and what becomes of credits: the only floats. Nothing of
//!   it is booked.
//! - [`formats`]: readers of bills, offers and answers of AWS that others wrote.
//! - [`store`]: the journal on disk: entries as bytes, chained by hashes, in SQLite.
//! - `cli`: the command, in the binary only.
//!
//! Absent on purpose: floats (no amount on record is ever one), stored balances (they are worked out from
//! the journal), the network.

pub mod catalog;
pub mod foresight;
pub mod formats;
pub mod ledger;
pub mod money;
pub mod period;
pub mod store;
