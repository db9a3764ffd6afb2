/// What a browser says of itself, as far as it is understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Browser {
    pub name: Option<String>,
    pub version: Option<String>,
    pub system: Option<String>,
}

impl Browser {
    /// From a `User-Agent` (RFC 9110, 10.1.5).
    pub fn of(raw: &str) -> Self {
        let known = |it: &str| (it != "UNKNOWN" && !it.is_empty()).then(|| it.to_owned());
        let Some(found) = woothee::parser::Parser::new().parse(raw) else {
            return Self::default();
        };
        let system = match (known(found.os), known(&found.os_version)) {
            (Some(os), Some(version)) if !os.contains(' ') => Some(format!("{os} {version}")),
            (os, _) => os,
        };
        Self {
            name: known(found.name),
            version: known(found.version),
            system,
        }
    }

    /// “Firefox 140.0, Linux”; empty where nothing is understood.
    pub fn words(&self) -> String {
        let pair = [self.name.as_deref(), self.version.as_deref()];
        let browser = pair.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let system = self.system.clone().unwrap_or_default();
        let parts = [browser, system];
        let told: Vec<&str> = parts
            .iter()
            .map(String::as_str)
            .filter(|it| !it.is_empty())
            .collect();
        told.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_by_name_version_and_system() {
        let raw = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(Browser::of(raw).words(), "Firefox 140.0, Linux");
        assert_eq!(Browser::of("").words(), "");
    }
}
