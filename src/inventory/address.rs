//! What may name a host: a host name, an IPv4 or IPv6 address, each with ranges, and a port.

/// Splits `host:port` and `[host]:port`; `None` where this is no host.
///
/// What is no host by these rules may still be one in an inventory, as it stands there.
pub(super) fn parse(text: &str) -> Option<(&str, Option<u16>)> {
    let (mut host, mut port) = (text, None);
    if let Some((inside, digits)) = bracketed(host) {
        (host, port) = (inside, Some(digits));
    }
    if let Some((before, digits)) = plain(host) {
        (host, port) = (before, Some(digits));
    }
    let port = match port {
        None => None,
        Some(digits) => Some(digits.parse().ok()?),
    };
    let known = is_ipv4(host) || is_ipv6(host) || is_host_name(host);
    known.then_some((host, port))
}

/// Host and port of `host:port`; the text itself where it is none, as in Ansible.
pub fn host_and_port(text: &str) -> (&str, Option<u16>) {
    parse(text).filter(|(host, _)| !host.contains('[')).unwrap_or((text, None))
}

/// Whether this is a host name or an address, maybe with a port.
pub(super) fn is_known(text: &str) -> bool {
    parse(text).is_some()
}

/// Whether this is an IP address, maybe with ranges.
pub(super) fn is_address(text: &str) -> bool {
    is_ipv4(text) || is_ipv6(text)
}

fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (inside, digits) = text.strip_prefix('[')?.rsplit_once("]:")?;
    (!inside.is_empty() && is_digits(digits)).then_some((inside, digits))
}

fn plain(text: &str) -> Option<(&str, &str)> {
    let (before, digits) = text.rsplit_once(':')?;
    if !is_digits(digits) {
        return None;
    }
    let mut rest = before;
    while let Some((head, behind)) = rest.split_once('[') {
        if head.contains([':', ']']) {
            return None;
        }
        rest = behind.split_once(']')?.1;
    }
    (!rest.contains([':', ']'])).then_some((before, digits))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number or one letter.
fn is_host_bound(text: &str) -> bool {
    is_digits(text) || (text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// The text with each range replaced by `stand_in`; `None` where a range is not of these bounds.
fn without_ranges(text: &str, stand_in: &str, bound: fn(&str) -> bool) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, behind)) = rest.split_once('[') {
        let (inside, tail) = behind.split_once(']')?;
        let parts: Vec<&str> = inside.split(':').collect();
        let valid = match parts.as_slice() {
            [begin, end] => bound(begin) && bound(end),
            [begin, end, step] => bound(begin) && bound(end) && is_digits(step),
            _ => false,
        };
        if !valid {
            return None;
        }
        plain.push_str(head);
        plain.push_str(stand_in);
        rest = tail;
    }
    plain.push_str(rest);
    Some(plain)
}

fn is_ipv4(text: &str) -> bool {
    let Some(plain) = without_ranges(text, "1", is_digits) else { return false };
    let parts: Vec<&str> = plain.split('.').collect();
    parts.len() == 4
        && parts.iter().all(|part| {
            part.len() <= 3 && is_digits(part) && part.parse::<u16>().is_ok_and(|part| part < 256)
        })
}

fn is_ipv6(text: &str) -> bool {
    without_ranges(text, "1", is_hexadecimal)
        .is_some_and(|plain| plain.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_host_name(text: &str) -> bool {
    without_ranges(text, "1", is_host_bound).is_some_and(|plain| plain.split('.').all(is_label))
}

fn is_label(label: &str) -> bool {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    label.chars().next().is_some_and(word)
        && label.chars().all(|character| word(character) || character == '-')
        && !(label.len() > 1 && label.ends_with(['_', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let table = [
            ("web1", Some(("web1", None))),
            ("web1:22", Some(("web1", Some(22)))),
            ("web[01:20]:2222", Some(("web[01:20]", Some(2222)))),
            ("web[01:20]", Some(("web[01:20]", None))),
            ("10.0.0.1:22", Some(("10.0.0.1", Some(22)))),
            ("10.0.0.[1:9]", Some(("10.0.0.[1:9]", None))),
            ("::1", Some(("::1", None))),
            ("[::1]:22", Some(("::1", Some(22)))),
            ("2001:db8::[a:f]", Some(("2001:db8::[a:f]", None))),
            ("web-:22", None),
            ("a:b", None),
            ("web:99999", None),
            ("/srv/chroot", None),
            ("web*", None),
            ("", None),
        ];
        for (text, found) in table {
            assert_eq!(parse(text), found, "{text}");
        }
    }
}
