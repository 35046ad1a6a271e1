//! A second, deliberately naive writing of the rule of application, for comparison with the real one on random bills.
//!
//! It is written from DESIGN.md (parts 2, 3 and 4.2) alone and shares no code and no type with the library, so
//! that an error has to be made twice to go unseen. Dates, months and names are text, amounts are counts, every
//! question is answered by looking through everything again. It is meant to be obviously right, not fast.
//!
//! Left out: reading and rounding, bookings, the rules that depend on the run (`exhausted`, `nothing_left_to_pay`),
//! support plans that a bill tells apart, and any order among charges that are equal in every field, which pay in
//! the order of the bill.

use std::collections::BTreeSet;

/// Which names a credit covers, in one dimension of its scope.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Which {
    /// What is covered by default.
    All,
    /// These instead of the default.
    Only(Vec<String>),
    /// The default less these.
    Except(Vec<String>),
}

/// With which other accounts the owner of a credit shares it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Share {
    /// With every account that account-level sharing allows.
    Default,
    /// With none.
    Disabled,
    /// With these, where account-level sharing allows it.
    Custom(Vec<String>),
}

/// A credit as it stands when the bill is applied; its attributes are those of the last day of the bill's month.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Credit {
    pub id: String,
    /// Position in the journal: the smaller, the older.
    pub order: usize,
    pub kind: String,
    pub currency: String,
    /// What is unused, in counts of 10^-18.
    pub left: i128,
    pub owner: String,
    pub start: String,
    /// The last day, inclusive; none is for ever.
    pub end: Option<String>,
    pub services: Which,
    pub regions: Which,
    pub categories: Which,
    pub before_discounts: bool,
    /// Valid from the start date on, instead of from the 1st of its month.
    pub start_by_day: bool,
    /// Valid to the end of the end date's month, instead of to the end date.
    pub end_by_month: bool,
    pub share: Share,
    pub paused: bool,
    pub voided: bool,
}

/// An account's time with a payer. Memberships of one account do not overlap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Membership {
    pub account: String,
    pub payer: String,
    pub joined: String,
    /// The last day, inclusive; none while it lasts.
    pub left: Option<String>,
}

/// All that is known beside the bill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct World {
    pub credits: Vec<Credit>,
    pub memberships: Vec<Membership>,
    /// Accounts whose account-level sharing is off on the last day of the month.
    pub not_sharing: Vec<String>,
    pub never_covered_services: Vec<String>,
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Charge {
    pub id: Option<String>,
    pub account: String,
    pub service: String,
    pub region: Option<String>,
    pub category: String,
    /// In counts of 10^-18.
    pub amount: i128,
    pub start: Option<String>,
    pub end: Option<String>,
    pub description: Option<String>,
}

/// All charges of one payer for one month in one currency.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bill {
    pub payer: String,
    pub month: String,
    pub currency: String,
    pub charges: Vec<Charge>,
}

/// What became of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// One for each charge, in the order of the bill; all zero for the provider's own credit rows.
    pub charges: Vec<Line>,
    /// The exact card charge: the sum of the lines' card.
    pub card: i128,
}

/// What became of a charge: amount = discounted + allocations + card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What discounts took off a positive charge; below zero, what a negative charge took off others.
    pub discounted: i128,
    /// Credit and amount, in the order paid.
    pub allocations: Vec<(String, i128)>,
    pub card: i128,
}

/// Applies the credits of the world to a bill.
pub(crate) fn apply(world: &World, bill: &Bill) -> Outcome {
    let mut charges = lines_after_discounts(bill);
    for credit_index in burn_order(world) {
        let credit = &world.credits[credit_index];
        let mut left = credit.left;
        for charge_index in landing_order(world, bill, &charges, credit_index) {
            let line = &mut charges[charge_index];
            let paid = left.min(line.card);
            if paid > 0 {
                line.allocations.push((credit.id.clone(), paid));
                line.card -= paid;
                left -= paid;
            }
        }
    }
    let card = charges.iter().map(|line| line.card).sum();
    Outcome { charges, card }
}

/// The first static rule that keeps this credit from this charge, none when no such rule does.
///
/// Whether the credit or the charge has anything left is not asked: a negative charge may get none.
pub(crate) fn why_not(
    world: &World,
    bill: &Bill,
    charge_index: usize,
    credit_index: usize,
) -> Option<&'static str> {
    let charge = &bill.charges[charge_index];
    let credit = &world.credits[credit_index];
    if credit.currency != bill.currency {
        return Some("currency");
    }
    if has_not_started(bill, charge, credit) {
        return Some("not_started");
    }
    if has_ended(bill, charge, credit) {
        return Some("ended");
    }
    if credit.voided {
        return Some("voided");
    }
    if credit.paused {
        return Some("paused");
    }
    if !covers_category(charge, credit) {
        return Some("category");
    }
    if !covers_service(world, charge, credit) {
        return Some("service");
    }
    if !covers_region(charge, credit) {
        return Some("region");
    }
    if !covers_account(world, bill, charge, credit) {
        return Some("account");
    }
    if !is_shared_with(world, charge, credit) {
        return Some("sharing");
    }
    None
}

fn first_day(month: &str) -> String {
    format!("{month}-01")
}

/// An upper bound, compared as text: no day of the month is after its 31st, every later day is.
fn last_day(month: &str) -> String {
    format!("{month}-31")
}

fn month_of(date: &str) -> &str {
    &date[..7]
}

/// Rule A2.
pub(crate) fn has_not_started(bill: &Bill, charge: &Charge, credit: &Credit) -> bool {
    let first_covered = if credit.start_by_day {
        credit.start.clone()
    } else {
        first_day(month_of(&credit.start))
    };
    let latest_use = match &charge.start {
        Some(start) => start.clone(),
        None => last_day(&bill.month),
    };
    latest_use < first_covered
}

/// Rule A3.
pub(crate) fn has_ended(bill: &Bill, charge: &Charge, credit: &Credit) -> bool {
    let Some(end) = &credit.end else {
        return false;
    };
    let last_covered = if credit.end_by_month {
        last_day(month_of(end))
    } else {
        end.clone()
    };
    let earliest_use = match &charge.start {
        Some(start) => start.clone(),
        None => first_day(&bill.month),
    };
    earliest_use > last_covered
}

/// Rules A4 and D2: the category.
fn covers_category(charge: &Charge, credit: &Credit) -> bool {
    if ["credit", "refund", "discount"].contains(&charge.category.as_str()) {
        return false;
    }
    let counts_as_usage = charge.category == "adjustment" && charge.amount > 0;
    let category = if counts_as_usage {
        "usage"
    } else {
        charge.category.as_str()
    };
    let by_default = match category {
        "usage" | "recurring_fee" | "support" => true,
        "third_party_model" => credit.kind == "activate",
        _ => false,
    };
    covers_name(&credit.categories, category, by_default)
}

/// Rules A4 and D2: the service.
fn covers_service(world: &World, charge: &Charge, credit: &Credit) -> bool {
    let by_default = !world.never_covered_services.contains(&charge.service);
    covers_name(&credit.services, &charge.service, by_default)
}

fn covers_name(which: &Which, name: &str, by_default: bool) -> bool {
    match which {
        Which::All => by_default,
        Which::Only(names) => names.iter().any(|one| one == name),
        Which::Except(names) => by_default && names.iter().all(|one| one != name),
    }
}

/// Rule A4: the region, by its name or by a pattern. A charge without one is in no list.
fn covers_region(charge: &Charge, credit: &Credit) -> bool {
    let is_listed = |names: &Vec<String>| match &charge.region {
        Some(region) => names.iter().any(|name| is_like(name, region)),
        None => false,
    };
    match &credit.regions {
        Which::All => true,
        Which::Only(names) => is_listed(names),
        Which::Except(names) => !is_listed(names),
    }
}

/// Whether a name is like a pattern, in which `*` stands for any run of symbols.
pub(crate) fn is_like(pattern: &str, name: &str) -> bool {
    let Some(symbol) = pattern.chars().next() else {
        return name.is_empty();
    };
    let rest = &pattern[symbol.len_utf8()..];
    if symbol == '*' {
        let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
        return ends.into_iter().any(|at| is_like(rest, &name[at..]));
    }
    name.strip_prefix(symbol)
        .is_some_and(|name| is_like(rest, name))
}

/// Rule A5: the credit is in the bill's pool, and the charge's account may consume from that pool.
fn covers_account(world: &World, bill: &Bill, charge: &Charge, credit: &Credit) -> bool {
    if home(world, bill, &credit.owner) != bill.payer {
        return false;
    }
    let is_own = charge.account == credit.owner;
    match day_of_joining(world, bill, &credit.owner) {
        Some(joined) => is_own && is_before(charge, &joined),
        None => is_own || belongs_to_payer(world, bill, &charge.account),
    }
}

/// Rule A5: sharing. The owner needs none.
fn is_shared_with(world: &World, charge: &Charge, credit: &Credit) -> bool {
    if charge.account == credit.owner {
        return true;
    }
    if world.not_sharing.contains(&credit.owner) || world.not_sharing.contains(&charge.account) {
        return false;
    }
    match &credit.share {
        Share::Default => true,
        Share::Disabled => false,
        Share::Custom(accounts) => accounts.contains(&charge.account),
    }
}

/// The payer into whose pool the account's credits go in the month of the bill: the last one of those that it, its
/// payer, its payer's payer and so on are members of on the 1st.
pub(crate) fn home(world: &World, bill: &Bill, account: &str) -> String {
    let payers = payers_on(&world.memberships, account, &first_day(&bill.month));
    if let Some(last) = payers.last() {
        return last.clone();
    }
    if is_implicit_member(world, bill, account) {
        return bill.payer.clone();
    }
    account.to_string()
}

/// The payer of an account on a day, the payer of that, and so on.
pub(crate) fn payers_on(memberships: &[Membership], account: &str, day: &str) -> Vec<String> {
    let mut payers: Vec<String> = vec![];
    let mut below = account.to_string();
    while let Some(membership) = memberships.iter().find(|one| {
        one.account == below && one.joined.as_str() <= day && !has_left_before(one, day)
    }) {
        below = membership.payer.clone();
        assert!(
            !payers.contains(&below),
            "{below} is its own payer on {day}"
        );
        payers.push(below.clone());
    }
    payers
}

/// Whether the account would be its own payer on some day.
pub(crate) fn goes_round(memberships: &[Membership], account: &str) -> bool {
    memberships.iter().any(|start| {
        let mut below = account.to_string();
        // More links than memberships would go round elsewhere.
        for _ in memberships {
            let day = &start.joined;
            let found = memberships.iter().find(|one| {
                one.account == below && one.joined <= *day && !has_left_before(one, day)
            });
            match found {
                Some(one) if one.payer == account => return true,
                Some(one) => below = one.payer.clone(),
                None => return false,
            }
        }
        false
    })
}

fn membership_on_the_first<'a>(
    world: &'a World,
    bill: &Bill,
    account: &str,
) -> Option<&'a Membership> {
    let first = first_day(&bill.month);
    world
        .memberships
        .iter()
        .find(|one| one.account == account && one.joined <= first && !has_left_before(one, &first))
}

fn has_left_before(membership: &Membership, date: &str) -> bool {
    match &membership.left {
        Some(left) => left.as_str() < date,
        None => false,
    }
}

/// Whether the account is the payer's only because it stands in the payer's bill.
fn is_implicit_member(world: &World, bill: &Bill, account: &str) -> bool {
    let is_in_bill = bill.charges.iter().any(|charge| charge.account == account);
    let is_on_record = world.memberships.iter().any(|one| one.account == account);
    is_in_bill && !is_on_record
}

/// The day in the bill's month on which an account that was standalone on the 1st joins a payer.
fn day_of_joining(world: &World, bill: &Bill, account: &str) -> Option<String> {
    if membership_on_the_first(world, bill, account).is_some() {
        return None;
    }
    world
        .memberships
        .iter()
        .filter(|one| one.account == account && month_of(&one.joined) == bill.month)
        .map(|one| one.joined.clone())
        .min()
}

fn is_before(charge: &Charge, date: &str) -> bool {
    match &charge.start {
        Some(start) => start.as_str() < date,
        None => true,
    }
}

/// Whether the account belongs to the bill's payer on any day of the month: as its member, or as one of a member.
fn belongs_to_payer(world: &World, bill: &Bill, account: &str) -> bool {
    let is_member = (1..=31).any(|day| {
        let day = format!("{}-{day:02}", bill.month);
        payers_on(&world.memberships, account, &day).contains(&bill.payer)
    });
    account == bill.payer || is_member || is_implicit_member(world, bill, account)
}

/// Rule D3: the lines before any credit has paid.
fn lines_after_discounts(bill: &Bill) -> Vec<Line> {
    let mut lines: Vec<Line> = bill
        .charges
        .iter()
        .map(|charge| Line {
            discounted: 0,
            allocations: vec![],
            card: if charge.category == "credit" {
                0
            } else {
                charge.amount
            },
        })
        .collect();
    let groups: BTreeSet<(String, String)> = bill
        .charges
        .iter()
        .map(|charge| (charge.account.clone(), charge.service.clone()))
        .collect();
    for (account, service) in groups {
        let in_group = |charge: &Charge| charge.account == account && charge.service == service;
        let reducing = largest_first(bill, |charge| in_group(charge) && reduces(charge));
        let reducible = largest_first(bill, |charge| in_group(charge) && is_reducible(charge));
        let total = size_of_all(bill, &reducing).min(size_of_all(bill, &reducible));
        discount(bill, &mut lines, &reducing, total);
        discount(bill, &mut lines, &reducible, total);
    }
    lines
}

fn reduces(charge: &Charge) -> bool {
    charge.amount < 0 && ["discount", "adjustment"].contains(&charge.category.as_str())
}

fn is_reducible(charge: &Charge) -> bool {
    charge.amount > 0 && charge.category != "credit"
}

fn largest_first(bill: &Bill, wanted: impl Fn(&Charge) -> bool) -> Vec<usize> {
    let mut indexes: Vec<usize> = (0..bill.charges.len())
        .filter(|&index| wanted(&bill.charges[index]))
        .collect();
    indexes.sort_by_cached_key(|&index| {
        let charge = &bill.charges[index];
        (-charge.amount.abs(), tie(charge))
    });
    indexes
}

fn size_of_all(bill: &Bill, indexes: &[usize]) -> i128 {
    indexes
        .iter()
        .map(|&index| bill.charges[index].amount.abs())
        .sum()
}

/// Brings these charges towards zero, by `total` together, each as far as it goes before the next.
fn discount(bill: &Bill, lines: &mut [Line], indexes: &[usize], total: i128) {
    let mut left = total;
    for &index in indexes {
        let amount = bill.charges[index].amount;
        let taken = left.min(amount.abs());
        lines[index].discounted = taken * amount.signum();
        lines[index].card = amount - lines[index].discounted;
        left -= taken;
    }
}

type Tie = (String, bool, String, String, String, String, String, i128);

/// The order of charges of one account and service that are equally large. What is absent is the empty string, so
/// that charges without an id come before those with one.
fn tie(charge: &Charge) -> Tie {
    (
        charge.region.clone().unwrap_or_default(),
        charge.id.is_some(),
        charge.id.clone().unwrap_or_default(),
        charge.category.clone(),
        charge.start.clone().unwrap_or_default(),
        charge.end.clone().unwrap_or_default(),
        charge.description.clone().unwrap_or_default(),
        charge.amount,
    )
}

/// Rules B1 to B4: the credits, by index.
pub(crate) fn burn_order(world: &World) -> Vec<usize> {
    let mut indexes: Vec<usize> = (0..world.credits.len()).collect();
    indexes.sort_by_cached_key(|&index| {
        let credit = &world.credits[index];
        (
            !credit.before_discounts,
            (credit.end.is_none(), credit.end.clone()),
            service_count(credit),
            credit.start.clone(),
            credit.order,
            credit.id.clone(),
        )
    });
    indexes
}

fn service_count(credit: &Credit) -> usize {
    match &credit.services {
        Which::Only(names) => names.iter().collect::<BTreeSet<_>>().len(),
        Which::All | Which::Except(_) => usize::MAX,
    }
}

/// Rules C1 to C3: the charges that this credit may pay, by index, ranked by what earlier credits left of them.
fn landing_order(world: &World, bill: &Bill, lines: &[Line], credit_index: usize) -> Vec<usize> {
    let owner = &world.credits[credit_index].owner;
    let payable: Vec<usize> = (0..bill.charges.len())
        .filter(|&index| lines[index].card > 0)
        .filter(|&index| why_not(world, bill, index, credit_index).is_none())
        .collect();
    let mut order = payable.clone();
    order.sort_by_cached_key(|&index| {
        let charge = &bill.charges[index];
        let mut of_account = 0;
        let mut of_service = 0;
        for &other_index in &payable {
            let other = &bill.charges[other_index];
            if other.account == charge.account {
                of_account += lines[other_index].card;
                if other.service == charge.service {
                    of_service += lines[other_index].card;
                }
            }
        }
        (
            charge.account != *owner,
            (-of_account, charge.account.clone()),
            (-of_service, charge.service.clone()),
            (-lines[index].card, tie(charge)),
        )
    });
    order
}

const PAYER: &str = "111122223333";
const SUSAN: &str = "444455556666";
const OTHER: &str = "777788889999";

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| name.to_string()).collect()
}

fn credit(id: &str, left: i128) -> Credit {
    Credit {
        id: id.to_string(),
        order: 1,
        kind: "promotional".to_string(),
        currency: "USD".to_string(),
        left,
        owner: PAYER.to_string(),
        start: "2026-01-01".to_string(),
        end: None,
        services: Which::All,
        regions: Which::All,
        categories: Which::All,
        before_discounts: false,
        start_by_day: false,
        end_by_month: false,
        share: Share::Default,
        paused: false,
        voided: false,
    }
}

fn owned(owner: &str, credit: Credit) -> Credit {
    Credit {
        owner: owner.to_string(),
        ..credit
    }
}

fn ending(end: &str, credit: Credit) -> Credit {
    Credit {
        end: Some(end.to_string()),
        ..credit
    }
}

fn only_for(services: &[&str], credit: Credit) -> Credit {
    Credit {
        services: Which::Only(names(services)),
        ..credit
    }
}

fn charge(id: &str, service: &str, amount: i128) -> Charge {
    Charge {
        id: (!id.is_empty()).then(|| id.to_string()),
        account: PAYER.to_string(),
        service: service.to_string(),
        region: None,
        category: "usage".to_string(),
        amount,
        start: None,
        end: None,
        description: None,
    }
}

fn run_by(account: &str, charge: Charge) -> Charge {
    Charge {
        account: account.to_string(),
        ..charge
    }
}

fn on(start: &str, charge: Charge) -> Charge {
    Charge {
        start: Some(start.to_string()),
        ..charge
    }
}

fn in_region(region: &str, charge: Charge) -> Charge {
    Charge {
        region: Some(region.to_string()),
        ..charge
    }
}

fn of_category(category: &str, charge: Charge) -> Charge {
    Charge {
        category: category.to_string(),
        ..charge
    }
}

fn member(account: &str, joined: &str, left: Option<&str>) -> Membership {
    Membership {
        account: account.to_string(),
        payer: PAYER.to_string(),
        joined: joined.to_string(),
        left: left.map(str::to_string),
    }
}

fn world(credits: Vec<Credit>, memberships: Vec<Membership>) -> World {
    World {
        credits,
        memberships,
        not_sharing: vec![],
        never_covered_services: names(&["AmazonRegistrar"]),
    }
}

fn bill(payer: &str, month: &str, charges: Vec<Charge>) -> Bill {
    Bill {
        payer: payer.to_string(),
        month: month.to_string(),
        currency: "USD".to_string(),
        charges,
    }
}

/// Compares with one line of text for each charge: its amount, and the parts of it in the order of the rule.
#[track_caller]
fn check(world: &World, bill: &Bill, expected: &[&str]) {
    let outcome = apply(world, bill);
    let mut told = vec![];
    for (charge, line) in bill.charges.iter().zip(&outcome.charges) {
        let mut text = format!("{} =", charge.amount);
        if line.discounted != 0 {
            text += &format!(" discounted {},", line.discounted);
        }
        for (credit, amount) in &line.allocations {
            text += &format!(" {credit} {amount},");
        }
        told.push(format!("{text} card {}", line.card));
    }
    assert_eq!(told, expected);
    let card: i128 = outcome.charges.iter().map(|line| line.card).sum();
    assert_eq!(outcome.card, card);
}

/// Compares the first rule that keeps the first credit from each charge.
#[track_caller]
fn check_reasons(world: &World, bill: &Bill, expected: &[Option<&str>]) {
    let told: Vec<Option<&str>> = (0..bill.charges.len())
        .map(|index| why_not(world, bill, index, 0))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn both_credits_of_jorge_land_on_his_largest_service() {
    let one = only_for(&["AmazonS3", "AmazonEC2"], credit("one", 10));
    let two = only_for(&["AmazonEC2"], credit("two", 5));
    check(
        &world(
            vec![ending("2026-12-31", two), ending("2026-01-31", one)],
            vec![],
        ),
        &bill(
            PAYER,
            "2026-01",
            vec![
                charge("s3", "AmazonS3", 50),
                charge("ec2", "AmazonEC2", 100),
            ],
        ),
        &["50 = card 50", "100 = one 10, two 5, card 85"],
    );
}

#[test]
fn susan_who_joins_pays_her_own_days_before_and_the_payers_bill_from_the_next_month() {
    let mut hers = owned(SUSAN, credit("hers", 100));
    hers.start = "2026-01-18".to_string();
    let mut world = world(vec![hers], vec![member(SUSAN, "2026-01-11", None)]);
    let her_january = bill(
        SUSAN,
        "2026-01",
        vec![
            on("2026-01-10", run_by(SUSAN, charge("1", "AmazonEC2", 30))),
            on("2026-01-11", run_by(SUSAN, charge("2", "AmazonEC2", 7))),
            run_by(SUSAN, charge("3", "AmazonEC2", 20)),
            on("2026-01-02", run_by(OTHER, charge("4", "AmazonEC2", 9))),
        ],
    );
    check(
        &world,
        &her_january,
        &[
            "30 = hers 30, card 0",
            "7 = card 7",
            "20 = hers 20, card 0",
            "9 = card 9",
        ],
    );
    check_reasons(
        &world,
        &her_january,
        &[None, Some("account"), None, Some("account")],
    );
    world.credits[0].left = 50;
    let charges = vec![
        charge("p", "AmazonEC2", 20),
        run_by(SUSAN, charge("m", "AmazonEC2", 25)),
    ];
    check(
        &world,
        &bill(PAYER, "2026-01", charges.clone()),
        &["20 = card 20", "25 = card 25"],
    );
    check(
        &world,
        &bill(PAYER, "2026-02", charges),
        &["20 = hers 20, card 0", "25 = hers 25, card 0"],
    );
}

#[test]
fn susan_who_leaves_pays_the_old_payers_bill_of_that_month_and_her_own_from_the_next() {
    let hers = owned(SUSAN, credit("hers", 50));
    let mut world = world(
        vec![hers],
        vec![member(SUSAN, "2025-01-01", Some("2026-04-16"))],
    );
    let payers = vec![charge("p", "AmazonEC2", 30)];
    let her_own = vec![run_by(SUSAN, charge("m", "AmazonEC2", 35))];
    check(
        &world,
        &bill(PAYER, "2026-04", payers.clone()),
        &["30 = hers 30, card 0"],
    );
    check(
        &world,
        &bill(SUSAN, "2026-04", her_own.clone()),
        &["35 = card 35"],
    );
    world.credits[0].left = 20;
    check(&world, &bill(PAYER, "2026-05", payers), &["30 = card 30"]);
    check(
        &world,
        &bill(SUSAN, "2026-05", her_own),
        &["35 = hers 20, card 15"],
    );
}

#[test]
fn an_account_without_any_membership_is_a_member_for_the_bill_it_stands_in() {
    let hers = owned(SUSAN, credit("hers", 50));
    let charges = vec![
        run_by(SUSAN, charge("m", "AmazonEC2", 10)),
        run_by(OTHER, charge("n", "AmazonEC2", 15)),
        charge("p", "AmazonEC2", 40),
    ];
    let january = bill(PAYER, "2026-01", charges);
    check(
        &world(vec![hers.clone()], vec![]),
        &january,
        &[
            "10 = hers 10, card 0",
            "15 = card 15",
            "40 = hers 40, card 0",
        ],
    );
    let former = member(SUSAN, "2025-01-01", Some("2025-12-31"));
    check_reasons(
        &world(vec![hers.clone()], vec![former]),
        &january,
        &[Some("account"), Some("account"), Some("account")],
    );
    let absent = vec![charge("p", "AmazonEC2", 40)];
    check(
        &world(vec![hers], vec![]),
        &bill(PAYER, "2026-01", absent),
        &["40 = card 40"],
    );
}

#[test]
fn a_member_of_a_member_is_the_resellers_as_long_as_the_payer_between_was_on_the_1st() {
    let hers = owned(SUSAN, credit("hers", 100));
    let mut between = member(PAYER, "2026-01-11", Some("2026-03-16"));
    between.payer = "reseller".to_string();
    let world = world(vec![hers], vec![member(SUSAN, "2025-01-01", None), between]);
    let month = |payer: &str, month| {
        bill(
            payer,
            month,
            vec![
                run_by(SUSAN, charge("m", "l", 10)),
                run_by(PAYER, charge("p", "l", 10)),
            ],
        )
    };
    for (payer, when, paid) in [
        (PAYER, "2026-01", true),
        ("reseller", "2026-01", false),
        (PAYER, "2026-02", false),
        ("reseller", "2026-02", true),
        ("reseller", "2026-03", true),
        (PAYER, "2026-03", false),
        ("reseller", "2026-04", false),
        (PAYER, "2026-04", true),
    ] {
        let expected = if paid {
            ["10 = hers 10, card 0"; 2]
        } else {
            ["10 = card 10"; 2]
        };
        check(&world, &month(payer, when), &expected);
    }
}

#[test]
fn discounts_reduce_the_largest_charges_of_their_service_before_credits_are_ranked() {
    let discount = |id, amount| of_category("discount", charge(id, "AmazonEC2", amount));
    check(
        &world(vec![credit("all", 60)], vec![]),
        &bill(
            PAYER,
            "2026-01",
            vec![
                of_category("recurring_fee", charge("c", "AmazonEC2", 50)),
                charge("a", "AmazonEC2", 50),
                of_category("tax", charge("e", "AmazonEC2", 60)),
                charge("b", "AmazonS3", 95),
                discount("f", -60),
                of_category("adjustment", charge("g", "AmazonEC2", -10)),
                of_category("discount", charge("h", "AmazonS3", -6)),
            ],
        ),
        &[
            "50 = all 50, card 0",
            "50 = discounted 10, all 10, card 30",
            "60 = discounted 60, card 0",
            "95 = discounted 6, card 89",
            "-60 = discounted -60, card 0",
            "-10 = discounted -10, card 0",
            "-6 = discounted -6, card 0",
        ],
    );
    check(
        &world(vec![credit("all", 25)], vec![]),
        &bill(
            PAYER,
            "2026-01",
            vec![
                discount("d1", -5),
                discount("d2", -30),
                charge("a", "AmazonEC2", 32),
                charge("b", "AmazonS3", 10),
                discount("d3", -1),
            ],
        ),
        &[
            "-5 = discounted -2, card -3",
            "-30 = discounted -30, card 0",
            "32 = discounted 32, card 0",
            "10 = all 10, card 0",
            "-1 = card -1",
        ],
    );
}

#[test]
fn ties_are_broken_by_account_service_region_and_id_those_without_id_first() {
    let ireland = |id| in_region("eu-west-1", charge(id, "AmazonEC2", 10));
    let described = |text: &str| Charge {
        description: Some(text.to_string()),
        ..ireland("")
    };
    check(
        &world(vec![credit("all", 45)], vec![]),
        &bill(
            PAYER,
            "2026-01",
            vec![
                in_region("us-east-1", charge("1", "AmazonEC2", 10)),
                ireland("3"),
                ireland("2"),
                described("later"),
                described("earlier"),
                charge("9", "AmazonEC2", 10),
            ],
        ),
        &[
            "10 = card 10",
            "10 = all 5, card 5",
            "10 = all 10, card 0",
            "10 = all 10, card 0",
            "10 = all 10, card 0",
            "10 = all 10, card 0",
        ],
    );
    check(
        &world(vec![credit("all", 26)], vec![]),
        &bill(
            PAYER,
            "2026-01",
            vec![
                run_by(OTHER, charge("1", "AmazonEC2", 20)),
                run_by(SUSAN, charge("2", "AmazonS3", 10)),
                run_by(SUSAN, charge("3", "AmazonEC2", 10)),
                charge("4", "AmazonS3", 1),
            ],
        ),
        &[
            "20 = all 5, card 15",
            "10 = all 10, card 0",
            "10 = all 10, card 0",
            "1 = all 1, card 0",
        ],
    );
    check(
        &world(vec![credit("all", 25)], vec![]),
        &bill(
            PAYER,
            "2026-01",
            vec![
                charge("1", "AmazonS3", 20),
                charge("2", "AmazonEC2", 8),
                charge("3", "AmazonEC2", 12),
            ],
        ),
        &[
            "20 = all 5, card 15",
            "8 = all 8, card 0",
            "12 = all 12, card 0",
        ],
    );
}

#[test]
fn an_undated_charge_is_covered_by_a_credit_that_ended_in_the_middle_of_the_month() {
    let mut short = ending("2026-01-15", credit("short", 100));
    let charges = vec![
        charge("undated", "AmazonEC2", 8),
        on("2026-01-15", charge("on", "AmazonEC2", 2)),
        on("2026-01-16", charge("after", "AmazonEC2", 4)),
    ];
    let january = bill(PAYER, "2026-01", charges.clone());
    let february = bill(PAYER, "2026-02", charges[..1].to_vec());
    let december = bill(PAYER, "2025-12", charges[..1].to_vec());
    check(
        &world(vec![short.clone()], vec![]),
        &january,
        &["8 = short 8, card 0", "2 = short 2, card 0", "4 = card 4"],
    );
    check_reasons(
        &world(vec![short.clone()], vec![]),
        &january,
        &[None, None, Some("ended")],
    );
    check_reasons(
        &world(vec![short.clone()], vec![]),
        &february,
        &[Some("ended")],
    );
    check_reasons(
        &world(vec![short.clone()], vec![]),
        &december,
        &[Some("not_started")],
    );
    short.start = "2026-01-16".to_string();
    short.end_by_month = true;
    check_reasons(
        &world(vec![short.clone()], vec![]),
        &january,
        &[None, None, None],
    );
    short.start_by_day = true;
    check_reasons(
        &world(vec![short], vec![]),
        &january,
        &[None, Some("not_started"), None],
    );
}

#[test]
fn a_credit_reaches_only_the_accounts_that_sharing_allows() {
    let january = bill(
        PAYER,
        "2026-01",
        vec![
            run_by(SUSAN, charge("m", "AmazonEC2", 60)),
            run_by(OTHER, charge("n", "AmazonEC2", 20)),
            charge("p", "AmazonEC2", 5),
        ],
    );
    let mut world = world(
        vec![credit("c", 100)],
        vec![
            member(SUSAN, "2026-01-31", None),
            member(OTHER, "2025-01-01", Some("2026-01-01")),
        ],
    );
    check_reasons(&world, &january, &[None, None, None]);
    world.credits[0].share = Share::Custom(names(&[OTHER]));
    check(
        &world,
        &january,
        &["60 = card 60", "20 = c 20, card 0", "5 = c 5, card 0"],
    );
    world.credits[0].share = Share::Disabled;
    check_reasons(&world, &january, &[Some("sharing"), Some("sharing"), None]);
    world.credits[0].share = Share::Default;
    world.not_sharing = names(&[SUSAN]);
    check_reasons(&world, &january, &[Some("sharing"), None, None]);
    world.not_sharing = names(&[PAYER]);
    check_reasons(&world, &january, &[Some("sharing"), Some("sharing"), None]);
    world.memberships[0].joined = "2026-02-01".to_string();
    world.memberships[1].left = Some("2025-12-31".to_string());
    check_reasons(&world, &january, &[Some("account"), Some("account"), None]);
}

#[test]
fn a_positive_adjustment_is_paid_like_usage() {
    let charges = vec![
        of_category("adjustment", charge("a", "AmazonEC2", 12)),
        of_category("adjustment", charge("b", "AmazonS3", -3)),
    ];
    let january = bill(PAYER, "2026-01", charges);
    let mut credit = credit("c", 10);
    check(
        &world(vec![credit.clone()], vec![]),
        &january,
        &["12 = c 10, card 2", "-3 = card -3"],
    );
    credit.categories = Which::Except(names(&["usage"]));
    check_reasons(
        &world(vec![credit], vec![]),
        &january,
        &[Some("category"), Some("category")],
    );
}

#[test]
fn positive_refunds_and_discounts_go_to_the_card_and_the_providers_credits_nowhere() {
    let charges = vec![
        of_category("refund", charge("r", "AmazonEC2", 12)),
        of_category("discount", charge("d", "AmazonS3", 7)),
        of_category("credit", charge("k", "AmazonEC2", -30)),
        of_category("refund", charge("s", "AmazonEC2", -20)),
        charge("u", "AmazonEC2", 5),
    ];
    let mut credit = credit("c", 100);
    credit.categories = Which::Only(names(&["refund", "discount", "credit", "usage"]));
    let outcome = apply(
        &world(vec![credit.clone()], vec![]),
        &bill(PAYER, "2026-01", charges.clone()),
    );
    assert_eq!(outcome.card, 12 + 7 - 20);
    check(
        &world(vec![credit], vec![]),
        &bill(PAYER, "2026-01", charges),
        &[
            "12 = card 12",
            "7 = card 7",
            "-30 = card 0",
            "-20 = card -20",
            "5 = c 5, card 0",
        ],
    );
}

#[test]
fn credits_burn_by_stage_end_services_start_journal_and_id_and_rank_once_each() {
    let two = only_for(&["l1", "l3", "l1"], credit("f-two-services", 1));
    let mut old = ending("2026-12-31", credit("e-old", 1));
    old.start = "2025-06-01".to_string();
    let mut younger = credit("b-journal-2", 1);
    younger.order = 2;
    let mut first = credit("z-stage", 1);
    first.before_discounts = true;
    let mut except = ending("2026-12-31", credit("c-except", 1));
    except.services = Which::Except(names(&["l2"]));
    let three = only_for(&["l1", "l2", "l3"], credit("d-three-services", 1));
    let credits = vec![
        younger,
        credit("a2", 1),
        credit("a1", 1),
        except,
        old,
        ending("2026-12-31", three),
        ending("2026-12-31", two),
        ending("2026-06-30", credit("y-soon", 1)),
        first,
    ];
    check(
        &world(credits, vec![]),
        &bill(PAYER, "2026-01", vec![charge("1", "l1", 10)]),
        &[
            "10 = z-stage 1, y-soon 1, f-two-services 1, d-three-services 1, e-old 1, c-except 1, \
             a1 1, a2 1, b-journal-2 1, card 1",
        ],
    );
    let january = bill(
        PAYER,
        "2026-01",
        vec![charge("1", "l1", 100), charge("3", "l3", 95)],
    );
    let narrow = only_for(&["l1"], ending("2026-01-31", credit("narrow", 10)));
    let both = only_for(&["l1", "l3"], ending("2026-02-28", credit("both", 100)));
    let last = only_for(&["l3"], ending("2026-03-31", credit("last", 95)));
    check(
        &world(vec![both.clone(), last.clone()], vec![]),
        &january,
        &["100 = both 100, card 0", "95 = last 95, card 0"],
    );
    check(
        &world(vec![narrow, both, last], vec![]),
        &january,
        &["100 = narrow 10, both 5, card 85", "95 = both 95, card 0"],
    );
}

#[test]
fn the_first_rule_that_keeps_a_credit_out_is_named() {
    let other = run_by(OTHER, charge("1", "AmazonRegistrar", 10));
    let january = bill(
        PAYER,
        "2026-01",
        vec![on("2026-01-10", of_category("tax", other))],
    );
    let mut credit = ending("2026-01-09", credit("c", 10));
    credit.currency = "EUR".to_string();
    credit.start = "2026-02-01".to_string();
    credit.voided = true;
    credit.paused = true;
    credit.regions = Which::Only(names(&["eu-west-1"]));
    credit.share = Share::Disabled;
    let mut world = world(vec![credit], vec![member(OTHER, "2026-02-01", None)]);
    type Mend = fn(&mut World);
    let mends: [(&str, Mend); 10] = [
        ("currency", |world| {
            world.credits[0].currency = "USD".to_string();
        }),
        ("not_started", |world| {
            world.credits[0].start = "2026-01-01".to_string();
        }),
        ("ended", |world| world.credits[0].end = None),
        ("voided", |world| world.credits[0].voided = false),
        ("paused", |world| world.credits[0].paused = false),
        ("category", |world| {
            world.credits[0].categories = Which::Only(names(&["tax"]));
        }),
        ("service", |world| {
            world.credits[0].services = Which::Only(names(&["AmazonRegistrar"]));
        }),
        ("region", |world| {
            world.credits[0].regions = Which::Except(names(&["eu-west-1"]));
        }),
        ("account", |world| {
            world.memberships[0].joined = "2026-01-31".to_string();
        }),
        ("sharing", |world| world.credits[0].share = Share::Default),
    ];
    for (rule, mend) in mends {
        check_reasons(&world, &january, &[Some(rule)]);
        mend(&mut world);
    }
    check(&world, &january, &["10 = c 10, card 0"]);
}
