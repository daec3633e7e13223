//! Names of interfaces, and MAC addresses, as they are written.

/// IFNAMSIZ - 1.
const MAX_INTERFACE: usize = 15;

/// Errors: why Linux has no interface of that name, or why a topology must not make it; and whether an example would help.
pub(super) fn interface_name(name: &str) -> Result<(), (String, bool)> {
    if name.len() > MAX_INTERFACE {
        let (length, limit) = (name.len(), MAX_INTERFACE);
        let wrong = format!("the interface name `{name}` has {length} characters; Linux allows {limit}");
        return Err((wrong, false));
    }
    let legal = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':' | '%' | '"' | '\'' | '\\');
    let reserved = matches!(name, "" | "." | ".." | "lo" | "all" | "default");
    match reserved || !name.chars().all(legal) {
        true => Err((format!("`{name}` cannot be the name of a link's interface"), true)),
        false => Ok(()),
    }
}

/// Errors: why it is not the address of one interface, and whether an example would help.
pub(super) fn mac(text: &str) -> Result<[u8; 6], (String, bool)> {
    let bytes: Option<Vec<u8>> = text
        .split([':', '-'])
        .map(|b| (b.len() == 2).then(|| u8::from_str_radix(b, 16).ok()).flatten())
        .collect();
    match bytes.and_then(|b| <[u8; 6]>::try_from(b).ok()) {
        Some(mac) if mac[0] & 1 == 0 && mac != [0; 6] => Ok(mac),
        Some(_) => Err((format!("`{text}` is not the MAC address of one interface"), false)),
        None => Err((format!("`{text}` is not a MAC address"), true)),
    }
}
