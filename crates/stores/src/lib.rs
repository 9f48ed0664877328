//! Object stores: `s3://` and `gs://` addresses as inputs and outputs of a run.
//!
//! The threads of a run make blocking calls, but the client is asynchronous. Each call therefore
//! blocks on a small runtime inside this crate.
#![cfg(feature = "client")]

use std::fs::File;
use std::io::{self, Read};
use std::path::Path as FilePath;
use std::sync::Arc;

use chaffinch_formats::{Object, Store};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart, parse_url_opts,
};
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// The size of the parts in which larger files are uploaded, in bytes.
const PART: usize = 8 << 20;

/// The maximum number of parts that are uploaded concurrently.
const PARTS_UNDER_WAY: usize = 4;

/// Opens an address. `settings` are names and values such as `AWS_ENDPOINT_URL`; others are
/// ignored.
///
/// # Errors
/// If the address does not name a store, or a setting is invalid. Does not check whether the store
/// exists.
pub fn open(
    address: &str,
    settings: impl IntoIterator<Item = (String, String)>,
) -> io::Result<Arc<dyn Store>> {
    let wrong = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    // An error means that a provider is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = Url::parse(address).map_err(|error| wrong(format!("{address}: {error}")))?;
    let (store, root) =
        parse_url_opts(&url, settings).map_err(|error| wrong(format!("{address}: {error}")))?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(Arc::new(Remote {
        address: address.trim_end_matches('/').to_owned(),
        client: Arc::new(Client { runtime, store: store.into() }),
        root,
    }))
}

/// A client and its runtime.
struct Client {
    runtime: Runtime,
    store: Arc<dyn ObjectStore>,
}

/// The objects below an address, or the object at the address.
struct Remote {
    address: String,
    client: Arc<Client>,
    root: Path,
}

impl Remote {
    fn path(&self, name: &str) -> io::Result<Path> {
        // The address of an object names only that object.
        let alone = self.root.filename() == Some(name) && self.single()?.is_some();
        match alone {
            true => Ok(self.root.clone()),
            false => Path::parse(format!("{}/{name}", self.root)).map_err(io::Error::other),
        }
    }

    /// The object at the address itself, if there is one.
    fn single(&self) -> io::Result<Option<ObjectMeta>> {
        if self.root.is_root() {
            return Ok(None);
        }
        match self.client.runtime.block_on(self.client.store.head(&self.root)) {
            Ok(object) => Ok(Some(object)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn object(root: &Path, object: &ObjectMeta) -> Object {
        let below = object
            .location
            .prefix_match(root)
            .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"));
        let name = below.filter(|name| !name.is_empty());
        let alone = || object.location.filename().unwrap_or_default().to_owned();
        Object {
            name: name.unwrap_or_else(alone),
            bytes: object.size,
            modified: object.last_modified.timestamp_nanos_opt().unwrap_or(0).unsigned_abs().into(),
        }
    }
}

impl Store for Remote {
    fn address(&self) -> &str {
        &self.address
    }

    fn list(&self) -> io::Result<Box<dyn Iterator<Item = io::Result<Object>> + Send>> {
        if let Some(single) = self.single()? {
            return Ok(Box::new(std::iter::once(Ok(Remote::object(&self.root, &single)))));
        }
        let root = self.root.clone();
        let mut objects = self.client.store.list(Some(&root));
        let client = Arc::clone(&self.client);
        Ok(Box::new(std::iter::from_fn(move || {
            let object = client.runtime.block_on(objects.next())?;
            Some(object.map(|object| Remote::object(&root, &object)).map_err(io::Error::from))
        })))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let path = self.path(name)?;
        let found = self.client.runtime.block_on(self.client.store.get(&path))?;
        let (client, bytes) = (Arc::clone(&self.client), found.into_stream());
        Ok(Box::new(Reader { client, bytes, chunk: io::Cursor::default() }))
    }

    fn put(&self, name: &str, file: &FilePath) -> io::Result<()> {
        let path = Path::parse(format!("{}/{name}", self.root)).map_err(io::Error::other)?;
        let file = File::open(file)?;
        self.client.runtime.block_on(put(&*self.client.store, &path, file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name)?;
        match self.client.runtime.block_on(self.client.store.delete(&path)) {
            Err(Error::NotFound { .. }) => Ok(()),
            removed => removed.map_err(io::Error::from),
        }
    }
}

/// Uploads a file at once, or in parts that are combined when all are uploaded.
async fn put(store: &dyn ObjectStore, path: &Path, mut file: File) -> io::Result<()> {
    let mut part = Vec::with_capacity(PART);
    let mut fill = |part: &mut Vec<u8>| {
        part.clear();
        file.by_ref().take(PART as u64).read_to_end(part)
    };
    fill(&mut part)?;
    if part.len() < PART {
        store.put(path, PutPayload::from(part)).await?;
        return Ok(());
    }
    let upload = store.put_multipart(path).await?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
    loop {
        let sent = match upload.wait_for_capacity(PARTS_UNDER_WAY).await {
            Ok(()) => {
                upload.write(&part);
                fill(&mut part)
            }
            Err(error) => Err(error.into()),
        };
        match sent {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                // Uploaded parts would be charged for. A failure to delete them matters less than
                // the original error.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
    }
    upload.finish().await?;
    Ok(())
}

/// Reads an object while it is downloaded.
struct Reader {
    client: Arc<Client>,
    bytes: BoxStream<'static, object_store::Result<bytes::Bytes>>,
    chunk: io::Cursor<bytes::Bytes>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.chunk.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.client.runtime.block_on(self.bytes.next()) {
                Some(chunk) => self.chunk = io::Cursor::new(chunk?),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    use object_store::memory::InMemory;

    fn memory(root: &str) -> Remote {
        let runtime = Builder::new_current_thread().build().unwrap();
        let store = Arc::new(InMemory::new());
        let root = Path::parse(root).unwrap();
        Remote {
            address: format!("s3://b/{root}"),
            client: Arc::new(Client { runtime, store }),
            root,
        }
    }

    fn file(bytes: &[u8]) -> PathBuf {
        let name = format!("chaffinch-stores-{}-{}", std::process::id(), bytes.len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn uploaded_files_are_listed_and_read() {
        let store = memory("news/raw");
        let large: Vec<u8> = (0..2 * PART + 5).map(|at| (at % 251) as u8).collect();
        let files = [file(b"small"), file(&large), file(&large[..PART])];
        for (name, file) in ["a/small", "large", "one-part"].into_iter().zip(&files) {
            store.put(name, file).unwrap();
        }
        let names: Vec<_> = store.list().unwrap().map(|o| o.map(|o| (o.name, o.bytes))).collect();
        let names: io::Result<Vec<_>> = names.into_iter().collect();
        let wanted = [("a/small", 5), ("large", large.len() as u64), ("one-part", PART as u64)];
        assert_eq!(names.unwrap(), wanted.map(|(name, bytes)| (name.to_owned(), bytes)));
        let mut read = Vec::new();
        store.open("large").unwrap().read_to_end(&mut read).unwrap();
        assert!(read == large);
        store.remove("a/small").unwrap();
        store.remove("a/small").unwrap();
        assert!(store.open("a/small").is_err());
        files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    }

    #[test]
    fn an_address_may_be_one_object() {
        let folder = memory("news");
        let path = file(b"row");
        folder.put("a.jsonl", &path).unwrap();
        let root = Path::parse("news/a.jsonl").unwrap();
        let one = Remote { address: String::new(), client: Arc::clone(&folder.client), root };
        let objects: io::Result<Vec<Object>> = one.list().unwrap().collect();
        let objects = objects.unwrap();
        assert_eq!((objects.len(), objects[0].name.as_str()), (1, "a.jsonl"));
        let mut text = String::new();
        one.open("a.jsonl").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "row");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn an_address_names_a_store() {
        assert!(open("s3://", []).is_err() && open("ftp://host/a", []).is_err());
        let settings = [("AWS_REGION".to_owned(), "x".to_owned()), ("HOME".into(), "/".into())];
        assert_eq!(open("s3://bucket/news/", settings).unwrap().address(), "s3://bucket/news");
    }
}
