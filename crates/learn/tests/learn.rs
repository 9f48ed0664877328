//! What is learned from samples, and what must not be.

use chaffinch_core::Pipeline;
use chaffinch_learn::{Error, Sample, learn};

fn generic() -> Pipeline {
    Pipeline::builder().rule_file("none.yaml", "outlet: none\n").build().unwrap()
}

fn seed(number: usize) -> Sample {
    let folder = std::fs::read_dir("../../corpus/seeds").unwrap();
    let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let text = std::fs::read_to_string(&paths[number]).unwrap();
    Sample { name: number.to_string(), text, url: None }
}

/// Stories without a sentence in common: title and paragraphs.
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

/// A page of an outlet: its own story, the rest the outlet's.
fn page(number: usize) -> Sample {
    let (title, [first, second, third, fourth]) = STORIES[number];
    let text = format!(
        "Example Post daily\nHello, reader {number}\n\n{title}\n\n\
         EXPO NEWS: {first}\n\n{second}\n\n{third}\n\n{fourth}\n\n\
         Filed from: {title} desk, Exampletown bureau\n\
         Example Post is a paper for the people of the valley.\n"
    );
    let url = Some(format!("https://www.example.org/{number}"));
    Sample { name: format!("{number}.txt"), text, url }
}

#[test]
fn lines_frames_and_prefixes_are_learned_and_stories_stay() {
    let samples: Vec<Sample> = (0..5).map(page).collect();
    let learned = learn("example", &samples, &generic()).unwrap();
    let pipeline = Pipeline::builder().rule_file("example.yaml", &learned.yaml).build();
    let pipeline = pipeline.unwrap_or_else(|problems| panic!("{problems:?}\n{}", learned.yaml));
    // A page that was not among the samples.
    let unseen = page(5);
    let cleaned = pipeline.clean_text(&unseen.text, unseen.url.as_deref());
    let (title, paragraphs) = STORIES[5];
    let article = format!("{title}\n\n{}\n", paragraphs.join("\n\n"));
    assert_eq!(cleaned.text(), article, "{}", learned.yaml);
    assert!(learned.yaml.contains("hosts: [example.org]"), "{}", learned.yaml);
    // Without its URL, its lines tell it.
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
fn the_seeds_of_one_outlet_teach_its_slot_and_its_footer() {
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
fn what_two_outlets_share_of_a_story_is_not_chaff() {
    // Two outlets carry one agency story: eight paragraphs are the same.
    let error = learn("agency", &[seed(0), seed(1)], &generic()).unwrap_err();
    assert_eq!(error, Error::TooFewStories(1));
    let error = learn("twice", &[page(1), page(1)], &generic()).unwrap_err();
    assert_eq!(error, Error::TooFewStories(1));
}

#[test]
fn titles_that_begin_alike_are_no_frame() {
    let text = |number: usize, word: &str| Sample {
        name: number.to_string(),
        text: format!(
            "Iran: talks go on in {word} today\n\nThe {word} talks went on for {number} hours, a person who was there said.\n\n\
             In {word} nobody would say what had been agreed by the end of day {number}.\n\nExample Post, all day, every day\n"
        ),
        url: None,
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
