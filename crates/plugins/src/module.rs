//! Compiles modules, and runs instances of them on documents.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chaffinch_core::PluginError;
use chaffinch_core::stage::{Document, Marks, Stage};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, Instance, InstancePre, Linker, Memory, Module,
    ResourceLimiter, Store, Trap, TypedFunc,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::view::View;
use crate::{ABI, BASE_FUEL, FUEL_PER_BYTE, MOST_MEMORY, PluginFailure, START_FUEL, marks};

/// The stack of an instance, in bytes.
const STACK: usize = 512 << 10;

/// The maximum number of elements of a table.
const MOST_ELEMENTS: usize = 1 << 16;

/// The maximum length of a message of a plugin, in bytes.
const MOST_MESSAGE: usize = 1000;

/// Compiles plugins. A compiled module is cached on disk and used again by later processes.
pub struct Host {
    engine: Engine,
}

impl Host {
    /// A host that caches compiled modules in this directory. If the directory cannot be used, they
    /// are compiled each time.
    ///
    /// # Errors
    /// If the engine does not support this machine.
    pub fn new(cache: Option<&Path>) -> Result<Host, PluginError> {
        let mut config = Config::new();
        // Fuel and not time limits a plugin, so that its marks do not depend on the machine.
        config.consume_fuel(true);
        config.cranelift_nan_canonicalization(true);
        config.relaxed_simd_deterministic(true);
        config.wasm_backtrace_max_frames(None::<NonZeroUsize>);
        config.max_wasm_stack(STACK);
        config.cache(cache.and_then(open_cache));
        let engine = Engine::new(&config).map_err(|error| {
            PluginError::Module(format!("the engine does not support this machine: {error}"))
        })?;
        Ok(Host { engine })
    }

    /// Makes the stage of a module with these settings.
    ///
    /// # Errors
    /// If the bytes are no plugin, or the plugin refuses the settings.
    pub fn load(
        &self,
        wasm: &[u8],
        settings: &[(String, String)],
    ) -> Result<PluginStage, PluginError> {
        let wrong = PluginError::Module;
        if !wasm.starts_with(b"\0asm") {
            return Err(wrong("not a WebAssembly module".to_owned()));
        }
        if wasm.get(4..8) != Some(&[1, 0, 0, 0]) {
            let message =
                "a component or an unknown version of WebAssembly; expected a core module";
            return Err(wrong(message.to_owned()));
        }
        let module = Module::new(&self.engine, wasm)
            .map_err(|error| wrong(format!("not a valid module: {}", error.root_cause())))?;
        if let Some(import) = module.imports().next() {
            return Err(wrong(format!(
                "it imports `{}.{}`, but a plugin has no imports",
                import.module(),
                import.name()
            )));
        }
        let linked = Linker::new(&self.engine).instantiate_pre(&module);
        let linked = linked.map_err(|error| wrong(error.root_cause().to_string()))?;
        let settings = encode(settings);
        let digest = xxh3_128(&[wasm, &settings].concat());
        let stage = PluginStage { linked, settings, digest, idle: Mutex::default() };
        let first = stage.instance()?;
        stage.put_back(first);
        Ok(stage)
    }
}

fn open_cache(directory: &Path) -> Option<Cache> {
    // The engine accepts only absolute paths.
    let directory = std::path::absolute(directory.join("plugins")).ok()?;
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    Cache::new(config).ok()
}

/// The settings as a plugin reads them: the number of pairs, then the lengths and the texts of each
/// name and value.
fn encode(settings: &[(String, String)]) -> Vec<u8> {
    let mut bytes = (settings.len() as u32).to_le_bytes().to_vec();
    for (name, value) in settings {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes
}

/// A stage that is a WebAssembly module.
///
/// Documents use idle instances of the module, one per thread at a time. An instance that failed is
/// dropped, because its memory may be inconsistent.
pub struct PluginStage {
    linked: InstancePre<Limits>,
    settings: Vec<u8>,
    digest: u128,
    idle: Mutex<Vec<Running>>,
}

impl PluginStage {
    /// What the stage finds, as the plugin describes it.
    ///
    /// # Errors
    /// If the plugin fails.
    pub fn finds(&self) -> Result<Option<String>, PluginFailure> {
        let finds = self.instance().map_err(reason_of).and_then(|mut running| running.finds());
        finds.map_err(PluginFailure)
    }

    /// The digest of the module and its settings.
    pub fn digest(&self) -> String {
        format!("{:032x}", self.digest)
    }

    /// Drops all instances, so that the next document uses a new one.
    pub(crate) fn restart(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn instance(&self) -> Result<Running, PluginError> {
        Running::start(&self.linked, &self.settings)
    }

    fn put_back(&self, running: Running) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(running);
    }

    /// Adds the marks in `doc`. Returns the fuel that the plugin used.
    pub(crate) fn try_mark(&self, doc: &Document<'_>, marks: &mut Marks) -> Result<u64, String> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut running = match idle {
            Some(running) => running,
            None => self.instance().map_err(reason_of)?,
        };
        let fuel = running.mark(doc, marks)?;
        self.put_back(running);
        Ok(fuel)
    }
}

impl Stage for PluginStage {
    fn mark(&self, doc: &Document<'_>, marks: &mut Marks) {
        if let Err(reason) = self.try_mark(doc, marks) {
            marks.fail(reason);
        }
    }

    fn data(&self) -> Option<String> {
        Some(self.digest())
    }
}

/// Limits the memory of an instance.
struct Limits {
    most_memory: usize,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        match desired <= self.most_memory {
            true => Ok(true),
            false => Err(wasmtime::Error::msg(TOO_MUCH_MEMORY)),
        }
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MOST_ELEMENTS)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        4
    }
}

const TOO_MUCH_MEMORY: &str = "it used more than 64 MiB of memory";

/// An instance of a plugin.
struct Running {
    store: Store<Limits>,
    instance: Instance,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    mark: TypedFunc<(u32, u32), u64>,
    view: View,
}

impl Running {
    fn start(linked: &InstancePre<Limits>, settings: &[u8]) -> Result<Running, PluginError> {
        let wrong = PluginError::Module;
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: wasmtime::Error| wrong(format!("{what}: {}", reason(&error)))
        };
        let limits = Limits { most_memory: MOST_MEMORY };
        let mut store = Store::new(linked.module().engine(), limits);
        store.limiter(|limits| limits);
        set_fuel(&mut store, START_FUEL);
        let instance = linked.instantiate(&mut store).map_err(failed("it cannot be started"))?;
        let version = instance.get_typed_func::<(), i32>(&mut store, "chaffinch_abi");
        let version = version.map_err(|_| missing("chaffinch_abi"))?;
        let version = version.call(&mut store, ()).map_err(failed("`chaffinch_abi` failed"))?;
        if version != ABI {
            return Err(wrong(format!(
                "it uses version {version} of the plugin interface; this program supports {ABI}"
            )));
        }
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| missing("memory"))?;
        let alloc = instance.get_typed_func(&mut store, "chaffinch_alloc");
        let alloc = alloc.map_err(|_| missing("chaffinch_alloc"))?;
        let mark = instance.get_typed_func(&mut store, "chaffinch_mark");
        let mark = mark.map_err(|_| missing("chaffinch_mark"))?;
        let mut running = Running { store, instance, memory, alloc, mark, view: View::default() };
        running.configure(settings)?;
        Ok(running)
    }

    fn configure(&mut self, settings: &[u8]) -> Result<(), PluginError> {
        let wrong = PluginError::Settings;
        let configure = "chaffinch_configure";
        if self.instance.get_func(&mut self.store, configure).is_none() {
            return match settings == encode(&[]) {
                true => Ok(()),
                false => Err(wrong("it has no settings".to_owned())),
            };
        }
        let configure = self
            .instance
            .get_typed_func::<(u32, u32), u64>(&mut self.store, configure)
            .map_err(|_| missing("chaffinch_configure"))?;
        set_fuel(&mut self.store, START_FUEL);
        let at = self.write(settings).map_err(wrong)?;
        let answer = configure.call(&mut self.store, (at, settings.len() as u32));
        match answer.map_err(|error| wrong(reason(&error)))? {
            0 => Ok(()),
            answer => Err(wrong(self.message(answer))),
        }
    }

    fn finds(&mut self) -> Result<Option<String>, String> {
        let finds = self.instance.get_typed_func::<(), u64>(&mut self.store, "chaffinch_finds");
        let Ok(finds) = finds else { return Ok(None) };
        set_fuel(&mut self.store, BASE_FUEL);
        let answer = finds.call(&mut self.store, ()).map_err(|error| reason(&error))?;
        Ok(Some(self.message(answer)))
    }

    /// A message in the instance's memory, given by its position and length.
    fn message(&self, answer: u64) -> String {
        let (at, length) = unpack(answer);
        let memory = self.memory.data(&self.store);
        let bytes = marks::slice(memory, at, (length as usize).min(MOST_MESSAGE));
        bytes.map_or_else(
            || "(the message is not inside its memory)".to_owned(),
            |bytes| String::from_utf8_lossy(bytes).into_owned(),
        )
    }

    /// Writes bytes into memory that the plugin allocates.
    fn write(&mut self, bytes: &[u8]) -> Result<u32, String> {
        let size =
            u32::try_from(bytes.len()).map_err(|_| "the document is too large".to_owned())?;
        let at = self.alloc.call(&mut self.store, size).map_err(|error| reason(&error))?;
        self.memory
            .write(&mut self.store, at as usize, bytes)
            .map_err(|_| "`chaffinch_alloc` returned a position outside its memory".to_owned())?;
        Ok(at)
    }

    fn mark(&mut self, doc: &Document<'_>, marks: &mut Marks) -> Result<u64, String> {
        let mut view = std::mem::take(&mut self.view);
        view.fill(doc);
        let size = view.bytes().len();
        self.store.data_mut().most_memory = MOST_MEMORY + 8 * size;
        let fuel = BASE_FUEL.saturating_add(FUEL_PER_BYTE.saturating_mul(size as u64));
        set_fuel(&mut self.store, fuel);
        let at = self.write(view.bytes())?;
        let answer = self.mark.call(&mut self.store, (at, size as u32));
        let answer = answer.map_err(|error| reason(&error))?;
        let memory = self.memory.data(&self.store);
        marks::read(memory, unpack(answer), (doc, &view), marks)?;
        self.view = view;
        Ok(fuel - self.store.get_fuel().unwrap_or(0))
    }
}

fn reason_of(error: PluginError) -> String {
    match error {
        PluginError::Module(reason) | PluginError::Settings(reason) => reason,
    }
}

fn missing(export: &str) -> PluginError {
    PluginError::Module(format!("it has no export `{export}` of the required type"))
}

fn set_fuel(store: &mut Store<Limits>, fuel: u64) {
    // It only fails if fuel is disabled.
    let _ = store.set_fuel(fuel);
}

/// The two numbers of an answer: a position in memory, and a length or count.
fn unpack(answer: u64) -> (u32, u32) {
    ((answer >> 32) as u32, answer as u32)
}

/// Why a plugin failed, without positions that depend on the machine.
fn reason(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => "it used more instructions than the limit".to_owned(),
        Some(trap) => format!("it stopped: {trap}"),
        None => error.root_cause().to_string(),
    }
}
