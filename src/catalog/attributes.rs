//! What accounts usually are, as programs ask for it. Others are taken as they are, with a note.
//!
//! Sources: AWS Activate (startups and their partners), AWS Educate and AWS Academy (students,
//! educators, institutions), AWS Cloud Credit for Research, AWS nonprofit and open source programs,
//! read 2026-11.

/// Attributes in alphabetical order.
pub const ATTRIBUTES: [&str; 10] = [
    "educator",
    "institution",
    "nonprofit",
    "open_source",
    "partner",
    "public_sector",
    "reseller",
    "researcher",
    "startup",
    "student",
];
