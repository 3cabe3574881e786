//! Numbers of books. Knows no database.

/// 978, the first nine digits, and a check digit that makes the weighted sum a multiple of ten.
pub(crate) fn of_13_digits(isbn: &str) -> String {
    let digits = isbn.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let mut digits: Vec<u32> = [9, 7, 8].into_iter().chain(digits.take(9)).collect();
    let sum: u32 = digits.iter().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    digits.push((10 - sum % 10) % 10);
    digits.iter().map(u32::to_string).collect()
}
