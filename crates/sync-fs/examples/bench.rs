use futures::StreamExt;
use sync_core::*;
use sync_fs::*;
use std::time::Instant;
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn rss() -> String {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().filter(|l| l.starts_with("VmHWM")).collect()
}
#[tokio::main]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    let dir = std::path::Path::new(&a[2]);
    match a[1].as_str() {
        "walk" => {
            let store = FsStore::open(dir, FsOptions::default()).unwrap();
            let slow = a.get(3).is_some();
            let (t, c) = (Instant::now(), cpu());
            let mut s = store.list();
            let mut n = 0u64; let mut bytes = 0;
            while let Some(x) = s.next().await {
                if let Listed::Entry(e) = x.unwrap() { bytes += e.size; }
                n += 1;
                if slow && n % 20000 == 0 { tokio::time::sleep(std::time::Duration::from_millis(50)).await; }
            }
            println!("walk {n} {bytes} wall {:.2} cpu {:.2} {}", t.elapsed().as_secs_f64(), cpu() - c, rss());
        }
        "cleanup" => {
            let (t, c) = (Instant::now(), cpu());
            let e = empty_directories(dir).unwrap();
            println!("scan {} wall {:.2} cpu {:.2} {}", e.paths().len(), t.elapsed().as_secs_f64(), cpu() - c, rss());
        }
        "put" => {
            let n: usize = a[3].parse().unwrap();
            let conc: usize = a[4].parse().unwrap();
            let d = match a[5].as_str() { "batch" => Durability::Batch, "each" => Durability::Each, _ => Durability::None };
            let store = FsStore::open_or_absent(dir, FsOptions { durability: d, ..Default::default() }).unwrap();
            let body = bytes::Bytes::from(vec![7u8; 4096]);
            let crc = Crc64::of(&body);
            let (t, c) = (Instant::now(), cpu());
            futures::stream::iter(0..n).for_each_concurrent(conc, |i| { let (store, body) = (&store, body.clone()); async move {
                let e = Entry::new(Key::new(format!("d{}/f{i}", i / 100)).unwrap(), 4096, "2024-01-01T00:00:00Z".parse().unwrap());
                store.put(&e, body, crc, &Expected::Absent).await.unwrap();
            }}).await;
            println!("put {n} wall {:.2} cpu {:.2}", t.elapsed().as_secs_f64(), cpu() - c);
            let es: Vec<Entry> = store.list().map(|x| match x.unwrap() { Listed::Entry(e) => e, _ => panic!() }).collect().await;
            let (t, c) = (Instant::now(), cpu());
            futures::stream::iter(&es).for_each_concurrent(conc, |e| { let store = &store; async move { store.read(e, 0..e.size).await.unwrap(); }}).await;
            println!("read {} wall {:.2} cpu {:.2}", es.len(), t.elapsed().as_secs_f64(), cpu() - c);
            let (t, c) = (Instant::now(), cpu());
            for ch in es.chunks(1000) { for r in store.delete(ch).await { r.unwrap(); } }
            println!("delete {} wall {:.2} cpu {:.2}", es.len(), t.elapsed().as_secs_f64(), cpu() - c);
        }
        _ => {}
    }
}
