//! Messages of the domain name system (RFC 1035), as far as a question and its answer need them.

use super::record::Record;

/// What a server says of a question.
#[derive(Debug)]
pub(super) struct Reply {
    /// 0 is well, 2 is the server's failure, 3 is no such name.
    pub(super) code: u8,
    pub(super) truncated: bool,
    pub(super) answers: Vec<Record>,
}

/// So many bytes of an answer are taken by datagram.
const PAYLOAD: u16 = 4096;

/// A question for records of a kind; `None` where the name is none.
pub(super) fn question(id: u16, name: &str, kind: u16, class: u16) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // recursion is desired; one question, one record of extensions
    for word in [id, 0x0100, 1, 0, 0, 1] {
        bytes.extend(word.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.').filter(|_| name != ".") {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    // EDNS (RFC 6891): the size that is taken
    bytes.push(0);
    bytes.extend(41_u16.to_be_bytes());
    bytes.extend(PAYLOAD.to_be_bytes());
    bytes.extend([0; 6]);
    (bytes.len() < 300).then_some(bytes)
}

/// Reads a reply to the question with this number; `None` where it is none.
pub(super) fn reply(id: u16, bytes: &[u8]) -> Option<Reply> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.u16()? != id {
        return None;
    }
    let flags = reader.u16()?;
    if flags & 0x8000 == 0 {
        return None;
    }
    let (questions, answers) = (reader.u16()?, reader.u16()?);
    reader.at += 4;
    for _ in 0..questions {
        reader.name()?;
        reader.at += 4;
    }
    let mut found = Vec::new();
    for _ in 0..answers {
        found.push(reader.record()?);
    }
    let code = u8::try_from(flags & 0xf).ok()?;
    Some(Reply { code, truncated: flags & 0x0200 != 0, answers: found })
}

/// Reads a message from front to back.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn u8(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?);
        self.at += length;
        taken
    }

    /// A text with its length before it.
    pub(super) fn string(&mut self) -> Option<&'b [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// What is left before this place.
    pub(super) fn until(&mut self, end: usize) -> Option<&'b [u8]> {
        self.take(end.checked_sub(self.at)?)
    }

    pub(super) fn is_before(&self, end: usize) -> bool {
        self.at < end
    }

    /// A name, with its dot at the end; parts of it may stand further to the front.
    pub(super) fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut place = self.at;
        let mut behind = None;
        for _ in 0..128 {
            let length = *self.bytes.get(place)?;
            match length {
                0 => {
                    self.at = behind.unwrap_or(place + 1);
                    return Some(if name.is_empty() { ".".to_owned() } else { name });
                }
                1..=63 => {
                    let end = place + 1 + usize::from(length);
                    for byte in self.bytes.get(place + 1..end)? {
                        match byte {
                            b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                                name.push('\\');
                                name.push(char::from(*byte));
                            }
                            0x21..=0x7e => name.push(char::from(*byte)),
                            other => name.push_str(&format!("\\{other:03}")),
                        }
                    }
                    name.push('.');
                    place = end;
                }
                192.. => {
                    let low = *self.bytes.get(place + 1)?;
                    behind.get_or_insert(place + 2);
                    place = usize::from(length & 0x3f) << 8 | usize::from(low);
                }
                _ => return None,
            }
        }
        None
    }

    fn record(&mut self) -> Option<Record> {
        let owner = self.name()?;
        let (kind, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let data = super::record::Data::read(self, kind, end)?;
        self.at = end;
        Some(Record { owner, kind, class, ttl, data })
    }
}
