//! Escapes in string constants.

/// A string constant's text with Python's escapes resolved; `None` where one is malformed.
pub(in crate::template) fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        let after = escape.get(1..)?;
        let letter = after.chars().next()?;
        let mut used = letter.len_utf8();
        match letter {
            '\n' => {}
            '\\' | '\'' | '"' => text.push(letter),
            'a' => text.push('\u{7}'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\u{b}'),
            'x' | 'u' | 'U' => {
                let length = match letter {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits = after.get(1..=length)?;
                text.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                used += length;
            }
            '0'..='7' => {
                let length = after.chars().take(3).take_while(|digit| digit.is_digit(8)).count();
                let digits = after.get(..length)?;
                text.push(char::from_u32(u32::from_str_radix(digits, 8).ok()?)?);
                used = length;
            }
            letter => {
                text.push('\\');
                text.push(letter);
            }
        }
        rest = after.get(used..)?;
    }
    text.push_str(rest);
    Some(text)
}
