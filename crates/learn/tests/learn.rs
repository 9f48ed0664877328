//! What is learned from samples, and what must not be.

use chaffinch_core::Pipeline;
use chaffinch_learn::{Error, Sample, Samples, UpdateError, learn, update};

fn generic() -> Pipeline {
    Pipeline::builder().rule_file("none.yaml", "outlet: none\n").build().unwrap()
}

fn seed(number: usize) -> Sample {
    let folder = std::fs::read_dir("../../corpus/seeds").unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let text = std::fs::read_to_string(&paths[number]).unwrap();
    Sample { name: number.to_string(), text, ..Sample::default() }
}

/// Stories without a common sentence: title and paragraphs.
const STORIES: [(&str, [&str; 4]); 6] = [
    (
        "Town opens its new bridge at last",
        [
            "The mayor cut the ribbon on Tuesday in front of some four hundred people.",
            "Work on the river crossing had taken nine years and cost twice what was planned.",
            "Ferries will go on running until the end of summer, the council decided.",
            "Nobody could say who would pay for the lights along the southern ramp.",
        ],
    ),
    (
        "Dock workers end their strike",
        [
            "After nine days without a ship, cranes moved again in the port this morning.",
            "Union leaders called the new contract a fair deal for both sides of the quay.",
            "Shipping lines had sent eleven vessels to other harbours since the walkout began.",
            "A vote on the terms is due before the month is out, officials said.",
        ],
    ),
    (
        "Storks return to the wetlands",
        [
            "Three dry years had kept the birds away from their nests in the north.",
            "Rangers counted sixty pairs at dawn, more than in any spring on record.",
            "Farmers have been asked to leave the meadows wet until the chicks can fly.",
            "Schoolchildren will paint a sign for the road that leads past the reeds.",
        ],
    ),
    (
        "School roof to be mended by autumn",
        [
            "Rain had come through the ceiling of the gym since a storm in January.",
            "Parents collected signatures and brought them to the district office by bicycle.",
            "Slates from a quarry in the next valley will replace the old tin sheets.",
            "Lessons move to the parish hall for the last two weeks of term.",
        ],
    ),
    (
        "Chess club wins away from home",
        [
            "Five boards to three was the score when the last clock stopped at midnight.",
            "Their youngest player, aged twelve, beat a man who had taught her to castle.",
            "It is the first victory on foreign ground since the club was refounded.",
            "The return match will be played in the back room of the station inn.",
        ],
    ),
    (
        "Baker leaves shop to apprentice",
        [
            "For forty winters he had lit the ovens before anyone else was awake.",
            "She came as a pupil on a trial day and never went home, he likes to say.",
            "Prices stay as they are, and so does the poppy seed cake on Fridays.",
            "Customers queued around the corner to shake hands with both of them.",
        ],
    ),
];

/// A page of an outlet: its own story, surrounded by boilerplate of the outlet.
fn page(number: usize) -> Sample {
    let (title, [first, second, third, fourth]) = STORIES[number];
    let text = format!(
        "Example Post daily\nHello, reader {number}\n\n{title}\n\n\
         EXPO NEWS: {first}\n\n{second}\n\n{third}\n\n{fourth}\n\n\
         Filed from: {title} desk, Exampletown bureau\n\
         Example Post is a paper for the people of the valley.\n"
    );
    let url = Some(format!("https://www.example.org/{number}"));
    Sample { name: format!("{number}.txt"), text, url, ..Sample::default() }
}

#[test]
fn lines_frames_and_prefixes_are_learned_and_stories_kept() {
    let samples: Vec<Sample> = (0..5).map(page).collect();
    let learned = learn("example", &samples, &generic()).unwrap();
    let pipeline = Pipeline::builder().rule_file("example.yaml", &learned.yaml).build();
    let pipeline = pipeline.unwrap_or_else(|problems| panic!("{problems:?}\n{}", learned.yaml));
    // A page that is not among the samples.
    let unseen = page(5);
    let cleaned = pipeline.clean_text(&unseen.text, unseen.url.as_deref());
    let (title, paragraphs) = STORIES[5];
    let article = format!("{title}\n\n{}\n", paragraphs.join("\n\n"));
    assert_eq!(cleaned.text(), article, "{}", learned.yaml);
    assert!(learned.yaml.contains("hosts: [example.org]"), "{}", learned.yaml);
    // Without its URL, its lines identify the outlet.
    let by_signs = pipeline.clean_text(&unseen.text, None);
    assert_eq!(by_signs.outlet().map(|(outlet, _)| outlet), Some("example"));
}

#[test]
fn the_same_samples_give_the_same_file_in_any_order() {
    let samples: Vec<Sample> = (0..5).map(page).collect();
    let backwards: Vec<Sample> = samples.iter().rev().cloned().collect();
    let file = |samples: &[Sample]| learn("example", samples, &generic()).unwrap().yaml;
    assert_eq!(file(&samples), file(&backwards));
}

#[test]
fn slots_and_footers_are_learned_from_the_seeds_of_an_outlet() {
    let learned = learn("gazette", &[seed(2), seed(4)], &generic()).unwrap();
    let pipeline = Pipeline::builder().rule_file("x.yaml", &learned.yaml).build().unwrap();
    for number in [2, 4] {
        let seed = seed(number);
        let (cleaned, shipped) =
            (pipeline.clean_text(&seed.text, None), Pipeline::shipped().unwrap());
        assert_eq!(cleaned.text(), shipped.clean_text(&seed.text, None).text());
        assert!(cleaned.fields().get("section").is_some());
    }
}

#[test]
fn text_that_copies_of_a_story_share_is_not_boilerplate() {
    // Two outlets have copies of one agency report: eight paragraphs are the same.
    let error = learn("agency", &[seed(0), seed(1)], &generic()).unwrap_err();
    assert_eq!(error, Error::TooFewStories(1));
    let error = learn("twice", &[page(1), page(1)], &generic()).unwrap_err();
    assert_eq!(error, Error::TooFewStories(1));
}

#[test]
fn titles_that_begin_alike_are_not_a_frame() {
    let text = |number: usize, word: &str| Sample {
        name: number.to_string(),
        text: format!(
            "Iran: talks go on in {word} today\n\nThe {word} talks went on for {number} hours, a person who was there said.\n\n\
             In {word} nobody would say what had been agreed by the end of day {number}.\n\nExample Post, all day, every day\n"
        ),
        url: None,
        ..Sample::default()
    };
    let words = ["Vienna", "Geneva", "Muscat", "Doha"];
    let samples: Vec<Sample> = words.iter().enumerate().map(|(i, word)| text(i, word)).collect();
    let learned = learn("example", &samples, &generic()).unwrap();
    let pipeline =
        Pipeline::builder().rule_file("x.yaml", &learned.yaml).outlet("example").build().unwrap();
    let cleaned = pipeline.clean_text(&samples[0].text, None);
    assert!(cleaned.text().starts_with("Iran: talks go on in Vienna today\n"), "{}", learned.yaml);
    assert!(!cleaned.text().contains("every day"), "{}", learned.yaml);
}

/// A page of another outlet.
fn other_page(number: usize) -> Sample {
    let (title, [first, second, third, fourth]) = STORIES[number];
    let text = format!(
        "Nordblatt am Morgen\nAusgabe {number}\n\n{title}\n\n{fourth}\n\n{third}\n\n{second}\n\n{first}\n\n\
         Nordblatt erscheint sechsmal in der Woche\nNordblatt im Netz\n"
    );
    Sample { name: format!("nord-{number}.txt"), text, ..Sample::default() }
}

#[test]
fn samples_of_two_outlets_are_detected() {
    let mut samples: Vec<Sample> = (0..3).map(page).collect();
    samples.extend((3..6).map(other_page));
    samples.iter_mut().for_each(|sample| sample.url = None);
    let error = learn("example", &samples, &generic()).unwrap_err();
    insta::assert_snapshot!(error, @"the samples look like 2 outlets that share no line: (0.txt, 1.txt, 2.txt) and (nord-3.txt, nord-4.txt, nord-5.txt); learn them separately, select one with --where FIELD=VALUE, or use --together if they belong to one outlet");
    // A single page of another outlet is reported, and the rest is learned.
    let mut samples: Vec<Sample> = (0..4).map(page).collect();
    samples.push(other_page(5));
    let learned = learn("example", &samples, &generic()).unwrap();
    assert_eq!(learned.notes, ["1 of 5 samples share no line with the others: nord-5.txt"]);
    assert!(learned.yaml.contains("# Note: 1 of 5 samples share no line"), "{}", learned.yaml);
}

/// Samples of two layouts that share no line, three documents each. The second begins in 2022.
fn two_layouts(hosts: [&str; 2]) -> Vec<Sample> {
    let mut samples: Vec<Sample> = (0..3).map(page).chain((3..6).map(other_page)).collect();
    for (number, sample) in samples.iter_mut().enumerate() {
        let (host, year) = (hosts[number / 3], 2019 + number / 3 * 3);
        sample.url = Some(format!("https://{host}/{year}/0{}/01/x", number + 1));
    }
    samples
}

/// The output for a sample with the rules learned for `outlet`.
fn left(yaml: &str, outlet: &str, sample: &Sample) -> String {
    let pipeline = Pipeline::builder().rule_file("x.yaml", yaml).outlet(outlet).build().unwrap();
    pipeline.clean_text(&sample.text, sample.url.as_deref()).text().to_owned()
}

#[test]
fn layouts_of_one_host_are_learned_each_with_its_era() {
    let samples = two_layouts(["example.org", "www.example.org"]);
    let learned = learn("example", &samples, &generic()).unwrap();
    assert_eq!(
        learned.notes[0],
        "the samples have 2 layouts or languages that share no line; each is learned separately: 3 \
         samples (0.txt, …), until 2022-04-01; 3 samples (nord-3.txt, …), from 2022-04-01"
    );
    let yaml = &learned.yaml;
    assert!(yaml.contains("hosts: [example.org]"), "{yaml}");
    assert!(yaml.contains("seen in 3 of 3 stories"), "{yaml}");
    for (sample, chaff) in [(&samples[0], "Example Post"), (&samples[4], "Nordblatt")] {
        assert!(sample.text.contains(chaff));
        assert!(!left(yaml, "example", sample).contains(chaff), "{yaml}");
        // The rules of the other layout do not apply to this date.
        let mut moved = sample.clone();
        let url = sample.url.as_deref().unwrap();
        let [old, new] = ["/2019/01/", "/2022/05/"];
        let other = if url.contains("/2019/") { new } else { old };
        moved.url = Some(format!("https://example.org{other}01/x"));
        assert!(left(yaml, "example", &moved).contains(chaff), "{yaml}");
    }
    let pipeline = Pipeline::builder().rule_file("x.yaml", yaml).build().unwrap();
    let findings = chaffinch_proof::check(&pipeline, &[], &|file| file == "x.yaml");
    let errors = findings.iter().filter(|f| f.level == chaffinch_proof::Level::Error);
    assert_eq!(errors.count(), 0, "{findings:?}");
    // The same samples change nothing.
    let again = update("x.yaml", yaml, &samples, None, &generic()).unwrap();
    assert_eq!(again.changes, [""; 0]);
}

#[test]
fn languages_of_one_site_are_learned_together() {
    let samples = two_layouts(["de.example.org", "fr.example.org"]);
    let learned = learn("example", &samples, &generic()).unwrap();
    let yaml = &learned.yaml;
    assert!(yaml.contains("hosts: [example.org]"), "{yaml}");
    assert!(
        !yaml.contains("since:") && !yaml.contains("until:"),
        "other hosts, no relaunch: {yaml}"
    );
    assert!(!left(yaml, "example", &samples[0]).contains("Example Post"), "{yaml}");
    assert!(!left(yaml, "example", &samples[3]).contains("Nordblatt"), "{yaml}");
}

#[test]
fn samples_of_different_hosts_are_learned_as_one_outlet_only_on_request() {
    let mut samples = two_layouts(["post.org", "nordblatt.net"]);
    assert!(matches!(learn("example", &samples, &generic()), Err(Error::Mixed(_))));
    for known in [true, false] {
        if !known {
            samples.iter_mut().for_each(|sample| sample.url = None);
            assert!(matches!(learn("example", &samples, &generic()), Err(Error::Mixed(_))));
        }
        let together = Samples { all: &samples, one_outlet: true };
        let learned = learn("example", together, &generic()).unwrap();
        assert!(!left(&learned.yaml, "example", &samples[0]).contains("Example Post"));
        assert!(!left(&learned.yaml, "example", &samples[3]).contains("Nordblatt"));
        assert_eq!(learned.yaml.contains("hosts: [nordblatt.net, post.org]"), known);
        assert!(!learned.yaml.contains("since:"), "{}", learned.yaml);
    }
}

#[test]
fn samples_from_many_hosts_are_reported() {
    let mut samples: Vec<Sample> = (0..4).map(page).collect();
    let hosts = ["a.org", "b.org", "c.org", "d.org"];
    samples.iter_mut().zip(hosts).for_each(|(s, host)| s.url = Some(format!("https://{host}/x")));
    let learned = learn("example", &samples, &generic()).unwrap();
    assert_eq!(
        learned.notes,
        [
            "the samples come from 4 hosts (a.org, b.org, c.org, …); check that they belong to one outlet"
        ]
    );
    assert!(!learned.yaml.contains("hosts: ["), "{}", learned.yaml);
}

#[test]
fn samples_with_nothing_to_learn_are_an_error() {
    assert_eq!(learn("x", &[], &generic()).unwrap_err(), Error::TooFewStories(0));
    assert_eq!(learn("x", &[page(0)], &generic()).unwrap_err(), Error::TooFewStories(1));
    // Three languages without anything in common.
    let texts = [
        "Ein Titel\n\nDer Minister sagte am Dienstag, dass die Gespräche noch lange weitergehen sollen.\n",
        "Un titre\n\nLe ministre a dit mardi que les discussions allaient se poursuivre encore longtemps.\n",
        "Un título\n\nEl ministro dijo el martes que las conversaciones iban a seguir durante mucho tiempo.\n",
    ];
    let sample = |text: &&str| Sample {
        name: text[..4].into(),
        text: (*text).into(),
        url: None,
        ..Sample::default()
    };
    let samples: Vec<Sample> = texts.iter().map(sample).collect();
    assert_eq!(learn("x", &samples, &generic()).unwrap_err(), Error::NothingFound);
}

#[test]
fn long_pages_that_share_notices_are_two_stories() {
    let notices: String = (0..5)
        .map(|n| format!("Notice number {n} of the house says that nothing on this page is advice to anyone.\n\n"))
        .collect();
    let page = |number: usize| {
        let (title, _) = STORIES[number];
        let story: String = (0..7)
            .map(|n| format!("{title}, part {n} of it, is told at length by those who were there when {title}.\n\n"))
            .collect();
        Sample {
            name: number.to_string(),
            text: format!("{title}\n\n{story}{notices}"),
            url: None,
            ..Sample::default()
        }
    };
    let learned = learn("x", &[page(0), page(1)], &generic()).unwrap();
    assert_eq!(learned.stories, 2);
    let pipeline =
        Pipeline::builder().rule_file("x.yaml", &learned.yaml).outlet("x").build().unwrap();
    assert!(!pipeline.clean_text(&page(2).text, None).text().contains("Notice number"));
}

#[test]
fn a_folder_named_after_the_outlet_identifies_its_documents() {
    let mut samples: Vec<Sample> = (0..4).map(page).collect();
    samples.iter_mut().for_each(|s| s.path = Some(format!("/corpus/example/a/{}", s.name).into()));
    let learned = learn("example", &samples, &generic()).unwrap();
    assert!(learned.yaml.contains("  paths: '**/example/**'\n"), "{}", learned.yaml);
    samples[0].path = Some("/corpus/elsewhere/a.txt".into());
    assert!(!learn("example", &samples, &generic()).unwrap().yaml.contains("paths:"));
}

#[test]
fn frames_become_fields_by_their_values() {
    let sample = |number: usize| {
        let mut sample = page(number);
        let (month, town, name) = [
            ("May", "Aden", "Ann Weaver"),
            ("June", "Bern", "Tom Reed"),
            ("July", "Cork", "Ida Stone"),
            ("August", "Delft", "Max Hill"),
        ][number];
        let day = number + 3;
        let below = format!(
            "Example Post of the {day} {month} 2026\nExample Post, filed from {town}\nExample Post | {town} desk\nWritten down by {name} for the Example Post\n"
        );
        sample.text.push_str(&below);
        sample
    };
    let samples: Vec<Sample> = (0..4).map(sample).collect();
    let learned = learn("example", &samples, &generic()).unwrap();
    let pipeline =
        Pipeline::builder().rule_file("x.yaml", &learned.yaml).outlet("example").build().unwrap();
    let cleaned = pipeline.clean_text(&samples[1].text, None);
    let field = |name: &str| cleaned.fields().get(name);
    assert_eq!(field("date"), Some("2026-06-04"), "{}", learned.yaml);
    assert_eq!(field("place"), Some("Bern"), "{}", learned.yaml);
    assert_eq!(field("authors"), Some("Tom Reed"), "{}", learned.yaml);
    assert_eq!(field("section"), Some("Bern"), "{}", learned.yaml);
}

#[test]
fn rules_learned_from_all_seeds_cut_no_story() {
    let samples: Vec<Sample> = (0..5).map(seed).collect();
    let learned = learn("all", &samples, &generic()).unwrap();
    let pipeline =
        Pipeline::builder().rule_file("x.yaml", &learned.yaml).outlet("all").build().unwrap();
    for sample in &samples {
        let shipped = Pipeline::shipped().unwrap();
        let article = shipped.clean_text(&sample.text, None).text().to_owned();
        let left = pipeline.clean_text(&sample.text, None).text().to_owned();
        for line in article.lines().filter(|line| !line.trim().is_empty()) {
            assert!(left.contains(line.trim()), "{line} is gone\n{}", learned.yaml);
        }
    }
}

#[test]
fn text_of_other_outlets_is_not_a_sign() {
    let mut samples: Vec<Sample> = (0..4).map(page).collect();
    samples.iter_mut().for_each(|sample| {
        sample.url = None;
        sample
            .text
            .push_str("Storks return to the wetlands after three dry years\nOther House of News\n");
    });
    let other = "outlet: other\nexamples:\n  - {text: \"Other House of News\\n\", clean: \"Other House of News\\n\"}\n";
    let pipeline = Pipeline::builder().rule_file("other.yaml", other).build().unwrap();
    let learned = learn("example", &samples, &pipeline).unwrap();
    let signs = learned.yaml.split("rules:").next().unwrap();
    assert!(signs.contains("Example Post"), "{signs}");
    assert!(!signs.contains("Other House"), "another outlet's example has it: {signs}");
    assert!(!signs.contains("Storks return"), "a clean article has it: {signs}");
}

fn learned_file() -> String {
    let samples: Vec<Sample> = (0..4).map(page).collect();
    learn("example", &samples, &generic()).unwrap().yaml
}

#[test]
fn an_update_with_the_same_samples_changes_nothing() {
    let samples: Vec<Sample> = (0..4).map(page).collect();
    let file = learned_file();
    let updated = update("x.yaml", &file, &samples, None, &generic()).unwrap();
    assert_eq!((updated.yaml, updated.changes.len()), (file, 0));
}

#[test]
fn an_update_preserves_rules_edited_by_hand() {
    let file = learned_file();
    // A rule written by hand, an edited rule, and comments.
    let own = "\n  # Mine: asked for by the desk.\n  - id: mine\n    stage: tags\n    where: tail\n    text: Filed from nowhere   # sic\n    keeps: [x]\n";
    let at = file.find("\nexamples:").unwrap();
    let edited = format!("{}{own}{}", &file[..at], &file[at..])
        .replace("outlet: example", "# Ours.\noutlet: example");
    let edited = edited.replacen("    max_words: ", "    # Never more.\n    max_words: ", 1);
    let mut samples: Vec<Sample> = (0..6).map(page).collect();
    samples
        .iter_mut()
        .for_each(|s| s.text.push_str("Example Post on the radio at seven\nFiled from nowhere\n"));
    let updated = update("x.yaml", &edited, &samples, None, &generic()).unwrap();
    for part in [own, "# Ours.\noutlet: example", "    # Never more.\n"] {
        assert!(updated.yaml.contains(part), "{part} is not in\n{}", updated.yaml);
    }
    assert!(updated.yaml.contains("'Example Post on the radio at seven'"), "{}", updated.yaml);
    assert_eq!(
        updated.yaml.matches("Filed from nowhere").count(),
        edited.matches("Filed from nowhere").count()
    );
    // Lines are added; none are removed or changed except in the rule that grew.
    let kept =
        edited.lines().filter(|line| updated.yaml.lines().any(|other| other == *line)).count();
    assert!(edited.lines().count() - kept <= 4, "{:?}\n{}", updated.changes, updated.yaml);
    let pipeline =
        Pipeline::builder().rule_file("x.yaml", &updated.yaml).outlet("example").build().unwrap();
    let left = pipeline.clean_text(&samples[5].text, None).text().to_owned();
    assert!(left.ends_with("to shake hands with both of them.\n"), "{left}");
    let again = update("x.yaml", &updated.yaml, &samples, None, &generic()).unwrap();
    assert_eq!((again.yaml, again.changes.len()), (updated.yaml, 0));
}

#[test]
fn a_new_layout_has_rules_of_its_own() {
    let file = learned_file();
    let mut samples: Vec<Sample> = (0..6).map(page).collect();
    samples.iter_mut().for_each(|s| s.text.push_str("Example Post on the radio at seven\n"));
    let updated = update("x.yaml", &file, &samples, Some("2026-05-01"), &generic()).unwrap();
    assert!(
        updated
            .yaml
            .contains("    since: 2026-05-01\n    text: 'Example Post on the radio at seven'"),
        "{}",
        updated.yaml
    );
}

#[test]
fn an_update_with_pages_of_another_outlet_is_rejected() {
    let file = learned_file();
    let host = Some("https://nordblatt.net/1".to_owned());
    for url in [None, host] {
        let nord = |number| Sample { url: url.clone(), ..other_page(number) };
        // The examples of the file are of other stories.
        let samples: Vec<Sample> = [0, 1, 4, 5].map(nord).into();
        let error = update("x.yaml", &file, &samples, None, &generic()).unwrap_err();
        assert!(matches!(error, UpdateError::Samples(Error::Mixed(_))), "{error}");
        let together = Samples { all: &samples, one_outlet: true };
        let updated = update("x.yaml", &file, together, None, &generic()).unwrap();
        assert!(updated.yaml.contains("Nordblatt"), "{}", updated.yaml);
    }
}

#[test]
fn files_that_cannot_be_edited_are_rejected() {
    let samples: Vec<Sample> = (0..4).map(page).collect();
    let flow = "outlet: example\nrules: [{id: a, stage: tags, text: b, keeps: [c]}]\n";
    let error = update("x.yaml", flow, &samples, None, &generic()).unwrap_err();
    assert!(matches!(&error, UpdateError::Shape(message) if message.contains("x.yaml")), "{error}");
    let family = update("x.yaml", "family: house\n", &samples, None, &generic()).unwrap_err();
    assert!(
        matches!(&family, UpdateError::Shape(message) if message.contains("not an outlet file"))
    );
    let broken = update("x.yaml", "outlet: example\nrulez: []\n", &samples, None, &generic());
    assert!(matches!(broken.unwrap_err(), UpdateError::Problems(_)));
}
