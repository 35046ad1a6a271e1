//! The query by which an engine that holds a huge bill sums it: a row per group of line items, in the
//! columns of the bill itself, so that what reads the bill reads its result, too.
//!
//! The query decides nothing: it only adds up line items whose cells agree as far as they decide to
//! which charge they belong, and counts them. Amounts are cast to decimals of 18 digits after the
//! point by way of text, which makes a double its shortest decimal, as reading a file does. So the
//! statement is the same to the last digit, unless amounts are finer than 10^-18, or the engine writes
//! doubles in another way.

use std::fmt::{self, Write as _};

use crate::period::Month;

/// The column in which a result says how many line items a row is of.
pub const COUNT: &str = "line_item_count";

/// An engine's kind of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon Athena.
    Athena,
    /// Trino.
    Trino,
    /// Apache Spark.
    Spark,
    /// Google BigQuery.
    BigQuery,
    /// DuckDB.
    DuckDb,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// All of them, in the order of the documentation.
    pub const ALL: [Dialect; 6] = [
        Dialect::Athena,
        Dialect::Trino,
        Dialect::Spark,
        Dialect::BigQuery,
        Dialect::DuckDb,
        Dialect::Postgres,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Athena => "athena",
            Dialect::Trino => "trino",
            Dialect::Spark => "spark",
            Dialect::BigQuery => "bigquery",
            Dialect::DuckDb => "duckdb",
            Dialect::Postgres => "postgres",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Dialect> {
        let mut all = Dialect::ALL.into_iter();
        all.find(|dialect| dialect.as_str() == text)
    }

    fn text_type(self) -> &'static str {
        match self {
            Dialect::Spark | Dialect::BigQuery => "string",
            _ => "varchar",
        }
    }

    /// A name as the engine quotes it.
    fn name(self, name: &str) -> String {
        let mark = match self {
            Dialect::Spark | Dialect::BigQuery => '`',
            _ => '"',
        };
        let inner = match self {
            // The others double the mark.
            Dialect::BigQuery => name.replace('\\', "\\\\").replace('`', "\\`"),
            _ => name.replace(mark, &format!("{mark}{mark}")),
        };
        format!("{mark}{inner}{mark}")
    }

    /// The text `\N`, as the engine writes it.
    fn null_of_old(self) -> &'static str {
        match self {
            Dialect::Spark | Dialect::BigQuery => r"'\\N'",
            _ => r"'\N'",
        }
    }

    fn as_text(self, expression: &str) -> String {
        format!("cast({expression} as {})", self.text_type())
    }

    /// An amount as a decimal of 18 digits after the point.
    fn as_amount(self, column: &str) -> String {
        let text = self.as_text(column);
        match self {
            Dialect::DuckDb | Dialect::Spark | Dialect::Postgres => {
                format!("cast({text} as decimal(38, 18))")
            }
            Dialect::BigQuery => format!("round(cast({text} as bignumeric), 18)"),
            // These read no exponents into a decimal.
            Dialect::Athena | Dialect::Trino => format!(
                "case when upper({text}) like '%E%' then cast(cast({text} as double) as \
                 decimal(38, 18)) else cast({text} as decimal(38, 18)) end"
            ),
        }
    }

    /// A field of the product map, where the column is a map; of its JSON, where it is text.
    fn field(self, column: &str, field: &str, is_text: bool) -> String {
        match (self, is_text) {
            (Dialect::Athena | Dialect::Trino, false) => format!("element_at({column}, '{field}')"),
            (Dialect::Athena | Dialect::Trino, true) => {
                format!("json_extract_scalar({column}, '$.{field}')")
            }
            (Dialect::Spark, false) => format!("try_element_at({column}, '{field}')"),
            (Dialect::Spark, true) => format!("get_json_object({column}, '$.{field}')"),
            (Dialect::BigQuery, _) => format!("json_value({column}, '$.{field}')"),
            (Dialect::DuckDb, false) => format!("{column}['{field}']"),
            (Dialect::DuckDb, true) => format!("json_extract_string({column}, '$.{field}')"),
            (Dialect::Postgres, _) => format!("cast({column} as jsonb) ->> '{field}'"),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The columns of a bill that an engine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// CUR 2.0, of Data Exports.
    Cur2,
    /// The legacy cost and usage report, in its spelling in Athena.
    CurLegacy,
    /// FOCUS.
    Focus,
}

impl Export {
    /// All of them, in the order of the documentation.
    pub const ALL: [Export; 3] = [Export::Cur2, Export::CurLegacy, Export::Focus];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Export::Cur2 => "cur2",
            Export::CurLegacy => "cur-legacy",
            Export::Focus => "focus",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Export> {
        let mut all = Export::ALL.into_iter();
        all.find(|export| export.as_str() == text)
    }

    /// The columns that tables of this kind may lack, with whether they are asked for unless it is said
    /// that they are, or are not, there.
    #[must_use]
    pub fn optional_columns(self) -> &'static [(&'static str, bool)] {
        match self {
            Export::Cur2 => &[
                ("bill_invoice_id", true),
                ("bill_billing_entity", true),
                ("line_item_usage_account_id", true),
                ("line_item_product_code", true),
                ("product_servicecode", true),
                ("product_region_code", true),
                ("product", true),
                ("line_item_line_item_description", true),
            ],
            Export::CurLegacy => &[
                ("bill_invoice_id", true),
                ("bill_billing_entity", true),
                ("line_item_usage_account_id", true),
                ("line_item_product_code", true),
                ("product_servicecode", true),
                ("product_region", true),
                ("product_region_code", false),
                ("product_product_name", true),
                ("line_item_line_item_description", true),
            ],
            Export::Focus => &[
                ("InvoiceId", false),
                ("x_InvoiceId", false),
                ("ProviderName", true),
                ("PublisherName", true),
                ("SubAccountId", true),
                ("ServiceName", true),
                ("x_ServiceCode", false),
                ("RegionId", true),
                ("RegionName", true),
                ("ChargeFrequency", true),
                ("ChargeDescription", true),
            ],
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct BillQuery {
    /// Of what kind of engine.
    pub dialect: Dialect,
    /// The table, as [`table_name`] writes it.
    pub table: String,
    /// What its columns are.
    pub export: Export,
    /// Only the bills of this month.
    pub month: Option<Month>,
    /// Which of the [optional columns](Export::optional_columns) there are.
    pub columns: Vec<&'static str>,
    /// Whether the product map of CUR 2.0 is JSON text, rather than a map.
    pub product_is_text: bool,
}

/// The name of a table in a query, whose parts are separated by points; what has a parenthesis, as a
/// function that reads files, is taken as it is.
#[must_use]
pub fn table_name(dialect: Dialect, table: &str) -> String {
    if table.contains('(') {
        return table.to_owned();
    }
    // All of them are quoted: any may be a word of the language.
    let part = |part: &str| dialect.name(part.trim_matches(['"', '`']));
    let parts: Vec<String> = table.split('.').map(part).collect();
    parts.join(".")
}

/// A column of the result.
struct Output {
    name: &'static str,
    expression: String,
}

impl BillQuery {
    /// The query, with a line end.
    #[must_use]
    pub fn text(&self) -> String {
        let outputs = match self.export {
            Export::Focus => self.focus(),
            Export::Cur2 | Export::CurLegacy => self.cur(),
        };
        let (cost, period) = match self.export {
            Export::Focus => ("BilledCost", "BillingPeriodStart"),
            _ => ("line_item_unblended_cost", "bill_billing_period_start_date"),
        };
        let dialect = self.dialect;
        let mut text = format!(
            "-- Sums of line items for `credits apply --input groups`, in the SQL of {dialect}.\n"
        );
        text += match dialect {
            Dialect::Spark => {
                "-- The session has to be in UTC: set spark.sql.session.timeZone = UTC;\n"
            }
            Dialect::Postgres => "-- The session has to be in UTC: set time zone 'UTC';\n",
            Dialect::DuckDb => "-- The session has to be in UTC: set TimeZone = 'UTC';\n",
            Dialect::Athena | Dialect::Trino | Dialect::BigQuery => "",
        };
        let name = |name: &str| dialect.name(name);
        text += "select\n";
        for output in &outputs {
            let _ = writeln!(text, "  {},", name(output.name));
        }
        let sum = dialect.as_text("sum(credits_amount)");
        let _ = writeln!(text, "  {sum} as {},", name(cost));
        let _ = writeln!(text, "  count(*) as {}", name(COUNT));
        text += "from (\n  select\n";
        for output in &outputs {
            let _ = writeln!(text, "    {} as {},", output.expression, name(output.name));
        }
        let amount = dialect.as_amount(&self.column(cost));
        let _ = writeln!(text, "    {amount} as credits_amount");
        let _ = writeln!(text, "  from {}", self.table);
        if let Some(month) = self.month {
            let period = dialect.as_text(&self.column(period));
            let _ = writeln!(text, "  where substr({period}, 1, 7) = '{month}'");
        }
        text += ") credits_items\ngroup by\n";
        for output in &outputs {
            let _ = writeln!(text, "  {},", name(output.name));
        }
        text += "  credits_amount < 0\n";
        text
    }

    /// A column of the table.
    fn column(&self, name: &str) -> String {
        let is_plain = name.bytes().all(|byte| !byte.is_ascii_uppercase());
        match self.dialect {
            Dialect::Athena | Dialect::Trino | Dialect::DuckDb => name.to_owned(),
            _ if is_plain => name.to_owned(),
            dialect => dialect.name(name),
        }
    }

    /// A column as text, nothing where the table lacks it.
    fn text_of(&self, name: &str) -> String {
        let optional = self.export.optional_columns();
        let is_optional = optional.iter().any(|(column, _)| *column == name);
        if is_optional && !self.columns.contains(&name) {
            return self.nothing();
        }
        self.dialect.as_text(&self.column(name))
    }

    fn nothing(&self) -> String {
        self.dialect.as_text("null")
    }

    fn is_there(&self, name: &str) -> bool {
        self.columns.contains(&name)
    }

    /// Whether a text says that there is no value.
    fn is_missing(&self, text: &str) -> String {
        let null = self.dialect.null_of_old();
        format!("({text} is null or {text} in ('', 'NULL', {null}))")
    }

    fn day(&self, name: &str) -> String {
        format!("substr({}, 1, 10)", self.text_of(name))
    }

    fn if_so(&self, condition: &str, then: &str) -> String {
        if then == self.nothing() {
            return self.nothing();
        }
        format!("case when {condition} then {then} end")
    }

    fn cur(&self) -> Vec<Output> {
        let text = |name: &str| self.text_of(name);
        let service = text("product_servicecode");
        let (region_code, region) = (text("product_region_code"), text("product_region"));
        let is_sold_by_others = format!("{} = 'AWS Marketplace'", text("bill_billing_entity"));
        let kind = text("line_item_line_item_type");
        let field = |field: &str| {
            let product = self.column("product");
            self.dialect.field(&product, field, self.product_is_text)
        };
        let has_map = self.export == Export::Cur2 && self.is_there("product");
        let (region, product) = if has_map {
            let name = format!("coalesce({}, '')", field("product_name"));
            let code = format!("coalesce({}, '')", field("product_code"));
            (field("region"), format!("concat({name}, ' ', {code})"))
        } else {
            (region, text("product_product_name"))
        };
        let outputs = [
            ("bill_payer_account_id", text("bill_payer_account_id")),
            (
                "bill_billing_period_start_date",
                self.day("bill_billing_period_start_date"),
            ),
            ("bill_invoice_id", text("bill_invoice_id")),
            ("bill_billing_entity", text("bill_billing_entity")),
            ("line_item_currency_code", text("line_item_currency_code")),
            ("line_item_line_item_type", kind.clone()),
            (
                "line_item_usage_account_id",
                text("line_item_usage_account_id"),
            ),
            ("product_servicecode", service.clone()),
            (
                "line_item_product_code",
                self.if_so(&self.is_missing(&service), &text("line_item_product_code")),
            ),
            ("product_region_code", region_code.clone()),
            (
                "product_region",
                self.if_so(&self.is_missing(&region_code), &region),
            ),
            (
                "product_product_name",
                self.if_so(&is_sold_by_others, &product),
            ),
            (
                "line_item_usage_start_date",
                self.day("line_item_usage_start_date"),
            ),
            (
                "line_item_line_item_description",
                self.if_so(
                    &format!("{kind} in ('Credit', 'Refund')"),
                    &text("line_item_line_item_description"),
                ),
            ),
        ];
        outputs
            .into_iter()
            .map(|(name, expression)| Output { name, expression })
            .collect()
    }

    fn focus(&self) -> Vec<Output> {
        let text = |name: &str| self.text_of(name);
        let (code, region) = (text("x_ServiceCode"), text("RegionId"));
        let invoice = match (self.is_there("InvoiceId"), self.is_there("x_InvoiceId")) {
            (false, true) => text("x_InvoiceId"),
            _ => text("InvoiceId"),
        };
        let is_credit = format!("{} = 'Credit'", text("ChargeCategory"));
        let outputs = [
            ("BillingAccountId", text("BillingAccountId")),
            ("BillingPeriodStart", self.day("BillingPeriodStart")),
            ("BillingCurrency", text("BillingCurrency")),
            ("InvoiceId", invoice),
            ("ProviderName", text("ProviderName")),
            ("PublisherName", text("PublisherName")),
            ("ChargeCategory", text("ChargeCategory")),
            ("ChargeFrequency", text("ChargeFrequency")),
            ("SubAccountId", text("SubAccountId")),
            ("x_ServiceCode", code.clone()),
            (
                "ServiceName",
                self.if_so(&self.is_missing(&code), &text("ServiceName")),
            ),
            ("RegionId", region.clone()),
            (
                "RegionName",
                self.if_so(&self.is_missing(&region), &text("RegionName")),
            ),
            ("ChargePeriodStart", self.day("ChargePeriodStart")),
            (
                "ChargeDescription",
                self.if_so(&is_credit, &text("ChargeDescription")),
            ),
        ];
        outputs
            .into_iter()
            .map(|(name, expression)| Output { name, expression })
            .collect()
    }
}
