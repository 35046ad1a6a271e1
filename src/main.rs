//! The command `credits`.
fn main() {}
