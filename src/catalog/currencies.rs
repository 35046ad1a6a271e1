//! The currencies of ISO 4217 and their minor units.
//!
//! Source: the list of active codes kept by the ISO 4217 maintenance agency (SIX), without funds,
//! metals and test codes, which no bill is in.

/// Active codes by digits of the minor unit.
const CODES: [(u32, &str); 4] = [
    (
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    ),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// Digits after the point of a currency's minor unit; nothing for a code that is not active.
#[must_use]
pub fn minor_digits(code: &str) -> Option<u32> {
    if code.len() != 3 {
        return None;
    }
    let has = |codes: &str| codes.split(' ').any(|listed| listed == code);
    CODES
        .iter()
        .find(|(_, codes)| has(codes))
        .map(|(digits, _)| *digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_are_known() {
        for (code, digits) in [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(minor_digits(code), Some(digits), "{code}");
        }
        for code in ["", " ", "USD ", "US", "AAA", "D E"] {
            assert_eq!(minor_digits(code), None, "{code}");
        }
    }
}
