//! Whether two quantities of Kubernetes are the same amount: `0.25` and `250m`, `1Gi` and `1024Mi`.
//!
//! The API server writes a quantity anew in its own form, so what is read back is compared by value, never as text.
//! Only the value is needed here, so no library of decimal numbers is: every quantity is a whole number of
//! billionths, which is the finest step that Kubernetes keeps.

/// The amount in billionths; `None` for what is no quantity or is out of range. Finer steps are rounded away from
/// zero, as Kubernetes does.
///
/// The form is that of `resource.Quantity`: a decimal number, then nothing, one of `n u m k M G T P E`, one of
/// `Ki Mi Gi Ti Pi Ei`, or `e` or `E` and an exponent.
#[must_use]
pub fn billionths(text: &str) -> Option<i128> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, power) = scale(suffix)?;
    // Digits and factor first, so that nothing is lost before the one division.
    let amount = digits.checked_mul(factor)?;
    let power = power.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let ten = 10_i128.checked_pow(power.unsigned_abs());
    let amount = match (power >= 0, ten) {
        (true, ten) => amount.checked_mul(ten?)?,
        (false, Some(ten)) => amount.checked_add(ten - 1)? / ten,
        (false, None) => i128::from(amount != 0),
    };
    Some(sign * amount)
}

/// A suffix as a factor and a power of ten.
fn scale(suffix: &str) -> Option<(i128, i32)> {
    let binary = |power: u32| Some((1_i128 << (10 * power), 0));
    match suffix {
        "" => Some((1, 0)),
        "n" => Some((1, -9)),
        "u" => Some((1, -6)),
        "m" => Some((1, -3)),
        "k" => Some((1, 3)),
        "M" => Some((1, 6)),
        "G" => Some((1, 9)),
        "T" => Some((1, 12)),
        "P" => Some((1, 15)),
        "E" => Some((1, 18)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => Some((1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_amount_is_the_same_however_it_is_written() {
        for (one, other) in [
            ("0.25", "250m"),
            ("1Gi", "1024Mi"),
            ("1", "1000m"),
            ("1e3", "1k"),
            ("1E3", "1000"),
            ("12e-1", "1.2"),
            ("268435456", "256Mi"),
            ("1.5Gi", "1536Mi"),
            (".5", "500m"),
            ("5.", "5"),
            ("+1", "1"),
            ("0", "0Ei"),
            ("0.0000000001", "1n"),
            ("1e-40", "1n"),
        ] {
            assert!(billionths(one).is_some(), "{one}");
            assert_eq!(billionths(one), billionths(other), "{one} and {other}");
        }
        assert_ne!(billionths("1G"), billionths("1Gi"));
        assert_ne!(billionths("-1"), billionths("1"));
        assert_ne!(billionths("8Ei"), billionths("8E"));
    }

    #[test]
    fn what_is_no_quantity_has_no_amount() {
        for text in [
            "",
            "Mi",
            "1.2.3",
            "1mi",
            "1 Gi",
            "1e",
            "one",
            "--1",
            "1e99",
            "999999999999999999999999999999999",
        ] {
            assert_eq!(billionths(text), None, "{text}");
        }
    }
}
