//! Lines of `/etc/fstab`.

/// What a line says.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) src: String,
    /// Whether the task names a source.
    pub(super) has_src: bool,
    pub(super) name: String,
    pub(super) fstype: String,
    pub(super) opts: String,
    pub(super) dump: String,
    pub(super) passno: String,
}

impl Entry {
    /// The words of `mount` for it, without the directory.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec!["-t".to_owned(), self.fstype.clone()];
        if self.opts != "defaults" {
            words.extend(["-o".to_owned(), self.opts.clone()]);
        }
        words.push(self.src.clone());
        words
    }

    fn line(&self) -> String {
        let fields = [&self.src, &self.name, &self.fstype, &self.opts, &self.dump, &self.passno];
        let fields: Vec<String> = fields.iter().map(|field| escaped(field)).collect();
        format!("{}\n", fields.join(" "))
    }

    /// Whether a line is about the same place; of swap, about the same source.
    fn is_at(&self, fields: &[&str]) -> bool {
        let [src, name, fstype, ..] = fields else { return false };
        let other_swap = self.has_src && *name == "none" && *fstype == "swap" && *src != self.src;
        *name == escaped(&self.name) && !other_swap
    }

    /// Whether a line says just this; what is left out counts as another.
    fn is(&self, fields: &[&str]) -> bool {
        let own = [&self.src, &self.name, &self.fstype, &self.opts, &self.dump, &self.passno];
        fields.len() == own.len()
            && own.iter().zip(fields).all(|(own, field)| escaped(own) == *field)
    }
}

fn escaped(field: &str) -> String {
    field.replace('\\', "\\134").replace(' ', "\\040").replace('&', "\\046")
}

fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.trim().starts_with('#')
}

/// The file with this entry; `None` where it is there already.
pub(super) fn set(text: &str, entry: &Entry) -> Option<String> {
    let mut new = String::new();
    let (mut found, mut changed) = (false, false);
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let plain = line.split('#').next().unwrap_or_default();
        let fields: Vec<&str> = plain.split_whitespace().collect();
        let valid = !is_comment(line) && (4..=6).contains(&fields.len());
        if valid && entry.is_at(&fields) {
            found = true;
            changed |= !entry.is(&fields);
            if changed {
                new.push_str(&entry.line());
                continue;
            }
        }
        new.push_str(line);
        new.push('\n');
    }
    if !found {
        new.push_str(&entry.line());
    }
    (changed || !found).then_some(new)
}

/// The file without the entry; `None` where it is not there.
pub(super) fn unset(text: &str, entry: &Entry) -> Option<String> {
    let goes = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        !is_comment(line) && fields.len() == 6 && entry.is_at(&fields)
    };
    let kept: String = text.split_inclusive('\n').filter(|line| !goes(line)).collect();
    (kept.len() != text.len()).then_some(kept)
}
