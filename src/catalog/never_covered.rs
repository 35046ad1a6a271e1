//! Services that credits do not pay for unless a credit names them (rule D2).
//!
//! Source: the AWS Activate FAQ and the AWS promotional credit terms, read 2026-11: credits do not
//! apply to fees for AWS Support Enterprise, Amazon Mechanical Turk, Route 53 domain registration,
//! AWS Training and Certification, Professional Services and Managed Services. Marketplace, upfront
//! fees and tax are excluded too; those are categories of charges, not services.

/// Product codes as they stand in bills.
pub const NEVER_COVERED: [&str; 12] = [
    "AmazonMTurk",
    "AmazonMechanicalTurk",
    "AmazonRegistrar",
    "AWSCertification",
    "AWSManagedServices",
    "AWSMechanicalTurk",
    "AWSMTurk",
    "AWSProfessionalServices",
    "AWSSupportEnterprise",
    "AWSTraining",
    "AWSTrainingAndCertification",
    "AWSTrainingandCertification",
];
