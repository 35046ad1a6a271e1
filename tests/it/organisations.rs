//! Organisations in examples (rule A5): members that move, sharing that is switched, resellers. In
//! the notation of `rules`.

use crate::rules::{check, check_why};

/// Whether a credit of the record, `hers`, pays the bills, month by month.
#[track_caller]
fn check_months(record: &str, months: &[(&str, &str, bool)]) {
    for (bill, charge, paid) in months {
        let expected = if *paid {
            format!("hers pays 3.00 of {charge}\n card pays 0.00")
        } else {
            format!("card pays 3.00 of {charge}")
        };
        let (service, rest) = charge.split_once(' ').unwrap_or((charge, ""));
        check(
            record,
            &format!("bill {bill}\n {service} 3 {rest}"),
            &expected,
        );
    }
}

// ---- Members that move ------------------------------------------------------------------------

#[test]
fn who_leaves_and_joins_another_payer_in_one_month_stays_with_the_first_for_that_month() {
    check_months(
        "hers 100 2024-01-01.. owner=susan
         susan joins acme on 2024-06-01
         susan leaves on 2025-01-10
         susan joins other on 2025-01-20",
        &[
            ("acme 2025-01", "EC2", true),
            ("acme 2025-01", "EC2 by susan on 2025-01-25", true),
            ("other 2025-01", "EC2 by susan on 2025-01-25", false),
            ("susan 2025-01", "EC2 on 2025-01-15", false),
            ("other 2025-02", "EC2", true),
            ("acme 2025-02", "EC2", false),
        ],
    );
}

#[test]
fn who_leaves_and_comes_back_in_one_month_was_never_away() {
    check_months(
        "hers 100 2024-01-01.. owner=susan
         susan joins acme on 2024-06-01
         susan leaves on 2025-01-10
         susan joins acme on 2025-01-20",
        &[
            ("acme 2025-01", "EC2", true),
            ("acme 2025-02", "EC2", true),
            ("susan 2025-01", "EC2 on 2025-01-15", false),
        ],
    );
}

#[test]
fn who_joins_and_leaves_in_one_month_uses_her_credits_alone_before_and_after() {
    check_months(
        "hers 100 2024-01-01.. owner=susan
         susan joins acme on 2025-01-10
         susan leaves on 2025-01-20",
        &[
            ("susan 2025-01", "EC2 on 2025-01-09", true),
            ("susan 2025-01", "EC2 on 2025-01-25", false),
            ("acme 2025-01", "EC2 by susan on 2025-01-15", false),
            ("susan 2025-02", "EC2", true),
            ("acme 2025-02", "EC2", false),
        ],
    );
}

#[test]
fn the_first_and_the_last_day_of_a_month_decide_and_so_does_the_leap_day() {
    for (record, months) in [
        (
            "susan joins acme on 2024-02-01",
            [
                ("acme 2024-01", false),
                ("acme 2024-02", true),
                ("susan 2024-02", false),
            ],
        ),
        (
            "susan joins acme on 2024-02-29",
            [
                ("acme 2024-02", false),
                ("acme 2024-03", true),
                ("susan 2024-03", false),
            ],
        ),
        (
            "susan joins acme on 2023-01-01\n susan leaves on 2024-02-29",
            [
                ("acme 2024-02", true),
                ("acme 2024-03", false),
                ("susan 2024-03", true),
            ],
        ),
        (
            "susan joins acme on 2023-01-01\n susan leaves on 2024-03-01",
            [
                ("acme 2024-03", true),
                ("acme 2024-04", false),
                ("susan 2024-04", true),
            ],
        ),
        (
            "susan joins acme on 2023-01-01\n susan joins other on 2024-03-01",
            [
                ("acme 2024-02", true),
                ("acme 2024-03", false),
                ("other 2024-03", true),
            ],
        ),
    ] {
        let record = format!("hers 100 2023-01-01.. owner=susan\n {record}");
        check_months(&record, &months.map(|(bill, paid)| (bill, "EC2", paid)));
    }
    check_months(
        "hers 100 2023-01-01.. owner=susan
         susan joins acme on 2024-02-29",
        &[
            ("susan 2024-02", "EC2 on 2024-02-28", true),
            ("susan 2024-02", "EC2 on 2024-02-29", false),
        ],
    );
}

#[test]
fn two_payers_have_two_pools() {
    check(
        "acmes  5 2025-01-01.. owner=jorge
         others 5 2025-01-01.. owner=susan
         jorge joins acme on 2024-01-01
         susan joins other on 2024-01-01",
        "EC2 7",
        "acmes pays 5.00 of EC2
         card pays 2.00 of EC2",
    );
}

// ---- Sharing ----------------------------------------------------------------------------------

#[test]
fn of_sharing_switched_twice_in_a_month_what_holds_on_its_last_day_counts() {
    let member = "hers 100 2023-01-01.. owner=susan
                  susan joins acme on 2023-01-01";
    for (switches, january, february) in [
        (
            "susan stops sharing on 2024-02-05\n susan shares again on 2024-02-29",
            true,
            true,
        ),
        (
            "susan stops sharing on 2024-02-05\n susan shares again on 2024-03-01",
            true,
            false,
        ),
        (
            "susan stops sharing on 2024-01-01\n susan shares again on 2024-02-10\n susan stops sharing on 2024-02-29",
            false,
            false,
        ),
    ] {
        check_months(
            &format!("{member}\n {switches}"),
            &[
                ("acme 2024-01", "EC2", january),
                ("acme 2024-02", "EC2", february),
                ("acme 2024-02", "EC2 by susan", true),
            ],
        );
    }
}

// ---- Resellers --------------------------------------------------------------------------------

const RESOLD: &str = "hers 100 2024-01-01.. owner=susan
                      susan joins acme on 2024-01-01
                      acme joins reseller on 2025-01-11
                      acme leaves on 2025-04-16";

#[test]
fn a_payer_brings_its_members_to_its_reseller_with_the_first_whole_month() {
    check_months(
        RESOLD,
        &[
            ("acme 2025-01", "EC2", true),
            ("acme 2025-01", "EC2 on 2025-01-31", true),
            ("reseller 2025-01", "EC2 by susan", false),
            ("reseller 2025-02", "EC2", true),
            ("reseller 2025-02", "EC2 by acme", true),
            ("reseller 2025-02", "EC2 by susan", true),
            ("acme 2025-02", "EC2 by susan", false),
        ],
    );
}

#[test]
fn a_payer_that_leaves_its_reseller_stays_with_its_members_for_that_month() {
    check_months(
        RESOLD,
        &[
            ("reseller 2025-04", "EC2 by susan on 2025-04-30", true),
            ("reseller 2025-04", "EC2", true),
            ("acme 2025-04", "EC2 by susan on 2025-04-30", false),
            ("acme 2025-05", "EC2 by susan", true),
            ("reseller 2025-05", "EC2", false),
        ],
    );
}

#[test]
fn a_payer_that_joins_a_reseller_uses_its_own_credits_until_that_day() {
    check(
        "acmes 100 2024-01-01..
         susan joins acme on 2024-01-01
         acme joins reseller on 2025-01-11",
        "EC2 1 on 2025-01-10 #before
         EC2 2 on 2025-01-11 #on
         EC2 4 by susan on 2025-01-10 #of-a-member",
        "acmes pays 1.00 of #before
         card pays 2.00 of #on
         card pays 4.00 of #of-a-member
         card pays 6.00 in all",
    );
}

#[test]
fn members_of_members_consume_from_the_resellers_pool_from_the_joining_day_on() {
    let record = "resellers 100 2024-01-01.. owner=reseller
                  susan joins acme on 2024-01-01
                  acme joins reseller on 2025-01-11";
    for (month, expected) in [
        ("2024-12", "card pays 3.00 of EC2 by susan"),
        (
            "2025-01",
            "resellers pays 3.00 of EC2 by susan\n card pays 0.00",
        ),
        (
            "2025-02",
            "resellers pays 3.00 of EC2 by susan\n card pays 0.00",
        ),
    ] {
        let bill = format!("bill reseller {month}\n EC2 3 by susan");
        check(record, &bill, expected);
    }
}

#[test]
fn pools_roll_up_over_two_resellers() {
    check(
        "hers 5 2024-01-01..2025-06-30 owner=susan
         acmes 5 2024-01-01..2025-07-31
         resellers 5 2024-01-01..2025-08-31 owner=reseller
         susan joins acme on 2024-01-01
         acme joins reseller on 2024-01-01
         reseller joins distributor on 2024-01-01",
        "bill distributor 2025-01
         EC2 12 by susan",
        "hers pays 5.00 of EC2 by susan
         acmes pays 5.00 of EC2 by susan
         resellers pays 2.00 of EC2 by susan
         card pays 0.00",
    );
}

#[test]
fn an_account_that_no_membership_is_on_record_of_is_the_member_of_its_bills_payer_only() {
    let record = "hers 100 2024-01-01.. owner=susan
                  acme joins reseller on 2024-01-01";
    check_months(
        record,
        &[
            ("reseller 2025-01", "EC2 by susan", true),
            ("acme 2025-01", "EC2 by susan", true),
            ("reseller 2025-01", "EC2", false),
        ],
    );
}

#[test]
fn the_pool_that_a_credit_rolled_up_to_is_named() {
    check_why(
        "hers 100 2024-01-01.. owner=susan
         susan joins acme on 2024-01-01
         acme joins reseller on 2024-01-01",
        "EC2 3 by susan",
        "hers, EC2 by susan: account, belongs to susan, whose credits are in the pool of reseller, not of acme, for 2025-01",
    );
}
