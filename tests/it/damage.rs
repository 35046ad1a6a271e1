//! What power cuts, kills, damaged files and foreign files do to a ledger: an answer is right, or
//! the command fails and says what to do; what was acknowledged is there.

mod asked; // all that commands ask, asked of the library
mod commands; // flipped bytes, and the command itself asked
mod disk; // what a power cut may leave of what a process did to its files
mod files; // cut, mixed up, lost and foreign files
mod flips; // flipped bytes, all of them
mod ledgers; // ledgers to be damaged
mod power; // power cuts, at random points of a recorded story
mod recorder; // the command under a recorder of its writes, syncs and names
mod stops; // signals before each step of a command
mod story; // commands that were recorded, and what the ledger says after each
mod strangers; // what is no ledger, in the place of one
mod support; // random numbers, what is said of a damaged ledger
