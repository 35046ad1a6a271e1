//! The core: what credits, bills and accounts are, and what follows from them.
//!
//! Pure: no file, no clock, no flag reaches in here, and nothing here knows how it is stored,
//! read or printed. [`apply`] is the rule of application; [`decide`], [`booking`] and [`correct`]
//! turn a request into entries; [`state`] folds entries into what the journal says.

pub mod account;
pub mod apply;
pub mod balance;
pub mod bill;
pub mod booking;
pub mod check;
pub mod correct;
pub mod credit;
pub mod decide;
pub mod entry;
pub mod explain;
pub mod names;
pub mod offer;
pub mod rules;
pub mod scope;
pub mod services;
pub mod state;
pub mod statement;
