//! The core: what credits, bills and accounts are, and what follows from them.
//!
//! Pure: no file, no clock, no flag reaches in here, and nothing here knows how it is stored,
//! read or printed. [`apply`] is the rule of application; [`decide`], [`operate`], [`split`],
//! [`booking`] and [`correct`] turn a request into entries; [`state`] folds entries into what the journal says.

pub mod account;
pub mod apply;
pub mod as_billed;
pub mod balance;
pub mod bill;
pub mod booking;
pub mod check;
pub mod code;
pub mod correct;
pub mod credit;
pub mod dated;
pub mod decide;
pub mod earn;
pub mod eligibility;
pub mod entry;
pub mod explain;
pub mod import;
pub mod limits;
pub mod names;
pub mod offer;
pub mod operate;
pub mod organisation;
pub mod pool;
pub mod provider;
pub mod reconcile;
pub mod redeem;
pub mod refusal;
pub mod roster;
pub mod rules;
pub mod scope;
pub mod services;
pub mod split;
pub mod state;
pub mod statement;
pub mod usage;
pub mod why_card;
pub mod would_cover;
