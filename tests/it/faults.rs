//! The command where things go wrong below it: it is killed at every step, its calls fail, the disk
//! is full, the folder takes no file, the clock and the file are not what they were.
//!
//! Whatever happens, a ledger holds all of a command or nothing of it: all where the answer said
//! so, nothing where the answer said that it failed. It is whole, and the same command does its
//! work once things are as they should be.

mod case; // a command, the ledger it finds, and what must hold after a fault
mod failing; // the n-th call fails, once or from then on
mod kills; // kills at random instants, of many writers and many kinds of commands
mod memory; // the n-th allocation fails
mod places; // read-only folders and files, a clock set back
mod room; // full disks, in files, in the ledger and behind stdout
mod shim; // calls that go wrong on purpose
mod steps;
mod swaps;
mod syncs; // what is acknowledged was synced // a ledger that goes away or is replaced while a command is at it // killed before, in and after each step
