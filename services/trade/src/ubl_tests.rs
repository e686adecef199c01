use super::*;

#[test]
fn probe() {
    let Ok(folder) = std::env::var("PAPERS") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|one| one.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        match read(&bytes) {
            Ok(paper) => {
                let around = Around {
                    id: "X-1".to_owned(),
                    sequence: "1".to_owned(),
                    issue_date: "2026-01-01".to_owned(),
                    buyer: "B".into(),
                    seller: "S".into(),
                    about: "Y".into(),
                    code: paper.code.clone(),
                };
                let out = write(paper.kind, &paper.said, &around).unwrap();
                let mut bare = paper.said.clone();
                *papers::besides(paper.kind, &paper.code, &mut bare) = Vec::new();
                let made = write(paper.kind, &bare, &around).unwrap();
                let packed = papers::besides(paper.kind, &paper.code, &mut paper.said.clone())[0]
                    .rest
                    .len();
                println!(
                    "{} {:?} {} bytes, rest {packed}, {} lines {} warnings",
                    file.display(),
                    paper.kind,
                    bytes.len(),
                    paper.said.lines.len(),
                    paper.warnings.len()
                );
                let name = file.file_name().unwrap().to_str().unwrap();
                std::fs::write(format!("/tmp/out/{name}"), out).unwrap();
                std::fs::write(format!("/tmp/bare/{name}"), made).unwrap();
            }
            Err(wrong) => println!("{} {wrong}", file.display()),
        }
    }
}
