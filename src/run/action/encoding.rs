//! Texts in other encodings than UTF-8, by the names that Python has for them.

use encoding_rs::Encoding;

/// The bytes of a text; the reason where the encoding is unknown or lacks a character.
pub(super) fn encoded(text: String, name: &str) -> Result<Vec<u8>, String> {
    let plain = name.to_ascii_lowercase().replace(['_', ' '], "-");
    let units =
        |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
    Ok(match plain.as_str() {
        "" | "utf-8" | "utf8" | "u8" | "utf" | "cp65001" => text.into_bytes(),
        "utf-8-sig" => marked(b"\xef\xbb\xbf", text.into_bytes()),
        "utf-16" | "utf16" | "u16" => marked(b"\xff\xfe", units(u16::to_le_bytes)),
        "utf-16le" | "utf-16-le" | "unicodelittleunmarked" => units(u16::to_le_bytes),
        "utf-16be" | "utf-16-be" | "unicodebigunmarked" => units(u16::to_be_bytes),
        "ascii" | "us-ascii" | "646" => narrow(&text, name, 0x80)?,
        "latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => {
            narrow(&text, name, 0x100)?
        }
        _ => {
            let label = plain
                .strip_prefix("cp125")
                .map(|rest| format!("windows-125{rest}"))
                .or_else(|| plain.strip_prefix("iso8859-").map(|rest| format!("iso-8859-{rest}")))
                .unwrap_or_else(|| plain.clone());
            let encoding = Encoding::for_label_no_replacement(label.as_bytes())
                // what only reads them writes UTF-8
                .filter(|encoding| encoding.output_encoding() == *encoding)
                .ok_or_else(|| format!("unknown encoding: {name}"))?;
            let (bytes, _, replaced) = encoding.encode(&text);
            if replaced {
                return Err(format!("'{name}' codec can't encode a character of the text"));
            }
            bytes.into_owned()
        }
    })
}

/// A byte for each character, which must be below a bound.
fn narrow(text: &str, name: &str, bound: u32) -> Result<Vec<u8>, String> {
    text.chars()
        .enumerate()
        .map(|(at, character)| {
            let byte = u8::try_from(u32::from(character)).ok();
            byte.filter(|byte| u32::from(*byte) < bound).ok_or_else(|| {
                format!(
                    "'{name}' codec can't encode character '{}' in position {at}: ordinal not in \
                     range({bound})",
                    character.escape_default()
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::encoded;

    /// The bytes are those of Python's codecs.
    #[test]
    fn texts_are_written_as_python_writes_them() {
        for (name, text, expected) in [
            ("utf-8", "é", b"\xc3\xa9".as_slice()),
            ("utf-8-sig", "é", b"\xef\xbb\xbf\xc3\xa9"),
            ("utf-16", "é😀", b"\xff\xfe\xe9\x00\x3d\xd8\x00\xde"),
            ("UTF_16_BE", "é", b"\x00\xe9"),
            ("latin-1", "é\u{85}", b"\xe9\x85"),
            ("cp1252", "€", b"\x80"),
            ("iso8859_15", "€", b"\xa4"),
            ("koi8-r", "я", b"\xd1"),
            ("shift_jis", "あ", b"\x82\xa0"),
            ("ascii", "a", b"a"),
        ] {
            assert_eq!(encoded(text.to_owned(), name).as_deref(), Ok(expected), "{name}");
        }
        for (name, text) in [("latin-1", "€"), ("ascii", "é"), ("cp1252", "я"), ("nope", "a")] {
            assert!(encoded(text.to_owned(), name).is_err(), "{name}");
        }
    }
}
