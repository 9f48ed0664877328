fn main() {
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap();
        if path.contains("lexicon") {
            if let Err(problems) = chaffinch_rules::lexicon::Language::parse(&path, &text) {
                for p in problems { println!("{p}"); }
            }
        } else {
            let stages: Vec<&str> = text.split_whitespace().collect();
            let t = std::time::Instant::now();
            match chaffinch_rules::RuleFile::parse(&path, &text, &stages) {
                Err(problems) => for p in problems { println!("{p}"); },
                Ok(file) => {
                    let mut by: std::collections::BTreeMap<(String, &str), (usize, usize)> = Default::default();
                    for r in &file.rules {
                        let id: Vec<&str> = r.rule.id.split('/').take(3).collect();
                        for (key, texts) in &r.written.keys {
                            let e = by.entry((id.join("/"), *key)).or_default();
                            e.0 += 1; e.1 += texts.iter().map(|t| t.len()).sum::<usize>();
                        }
                    }
                    println!("{path} {} rules {:?}", file.rules.len(), t.elapsed());
                    for (k, v) in by { if v.1 > 100_000 { println!("  {k:?} {v:?}"); } }
                }
            }
        }
    }
}
