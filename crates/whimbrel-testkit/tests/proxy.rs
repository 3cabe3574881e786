//! The proxy: what it counts, and that it cuts, delays and pauses where it is told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use whimbrel_testkit::{Proxy, Towards, Wire};

/// A server that echoes, and the port it is on. What each of its connections received is told when it has ended.
fn echo() -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    let (tell, told) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell) = (stream.expect("a client"), tell.clone());
            thread::spawn(move || {
                let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    all.extend(&buffer[..length]);
                    if stream.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = tell.send(all);
            });
        }
    });
    (port, told)
}

fn through_a_proxy(wire: Wire) -> (Proxy, TcpStream, Receiver<Vec<u8>>) {
    let (port, told) = echo();
    let proxy = Proxy::to_address(("127.0.0.1", port), wire).expect("it listens");
    let client = TcpStream::connect(("127.0.0.1", proxy.port())).expect("it accepts");
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    (proxy, client, told)
}

fn ask(client: &mut TcpStream, question: &[u8]) -> Vec<u8> {
    client.write_all(question).expect("it is open");
    let mut answer = vec![0; question.len()];
    client.read_exact(&mut answer).expect("it answers");
    answer
}

/// Everything up to the end of the stream; one that was reset has ended too.
fn rest(client: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return all,
            Ok(length) => all.extend(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("the stream does not end: {error}"),
        }
    }
}

#[test]
fn a_question_with_its_answer_is_one_round_trip() {
    let (proxy, mut client, _told) = through_a_proxy(Wire::Opaque);
    for _ in 0..5 {
        ask(&mut client, b"what?");
    }
    let traffic = proxy.traffic();
    assert_eq!((traffic.round_trips, traffic.bytes_to_server, traffic.bytes_to_client), (5, 25, 25));
    assert_eq!(traffic.connections, 1);
    proxy.reset();
    ask(&mut client, b"again?");
    let traffic = proxy.traffic();
    assert_eq!((traffic.round_trips, traffic.bytes_to_server, traffic.connections), (1, 6, 0));
}

#[test]
fn a_connection_is_cut_at_the_very_byte_towards_the_server() {
    for bytes in [0, 1, 7, 999, 1000] {
        let (proxy, mut client, told) = through_a_proxy(Wire::Opaque);
        ask(&mut client, b"before");
        proxy.cut_after_bytes(Towards::Server, bytes);
        client.write_all(&[b'x'; 1000]).expect("it is open");
        let echoed = rest(&mut client);
        let expected = 6 + usize::try_from(bytes).expect("small");
        assert_eq!(told.recv().expect("it ended").len(), expected);
        assert!(echoed.len() <= 1000);
        assert_eq!(proxy.cuts(), 1);
    }
}

#[test]
fn a_connection_is_cut_at_the_very_byte_towards_the_client() {
    for bytes in [0, 1, 7, 999, 1000] {
        let (proxy, mut client, _told) = through_a_proxy(Wire::Opaque);
        ask(&mut client, b"before");
        proxy.cut_after_bytes(Towards::Client, bytes);
        client.write_all(&[b'x'; 1000]).expect("it is open");
        assert_eq!(rest(&mut client).len() as u64, bytes);
        assert!(proxy.wait_for_cut(Duration::from_secs(20)));
    }
}

#[test]
fn a_cut_happens_once() {
    let (proxy, mut client, _told) = through_a_proxy(Wire::Opaque);
    proxy.cut_after_bytes(Towards::Server, 3);
    client.write_all(b"hello").expect("it is open");
    rest(&mut client);
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).expect("it accepts");
    assert_eq!(ask(&mut client, b"hello"), b"hello");
}

#[test]
fn a_connection_is_cut_behind_a_message() {
    let (proxy, mut client, told) = through_a_proxy(Wire::MySql);
    proxy.cut_after_messages(Towards::Server, 2);
    let packet = [3, 0, 0, 0, b'a', b'b', b'c'];
    client.write_all(&packet.repeat(5)).expect("it is open");
    rest(&mut client);
    assert_eq!(told.recv().expect("it ended"), packet.repeat(2));
    assert_eq!(proxy.traffic().messages_to_server, 2);
}

#[test]
fn a_delay_is_added_each_way_and_does_not_slow_what_follows() {
    let (proxy, mut client, _told) = through_a_proxy(Wire::Opaque);
    ask(&mut client, b"warm");
    let delay = Duration::from_millis(40);
    proxy.set_delay(delay);
    let start = Instant::now();
    ask(&mut client, &[b'x'; 64 * 1024]);
    let took = start.elapsed();
    assert!(took >= 2 * delay, "{took:?}");
    assert!(took < 20 * delay, "{took:?}");
}

#[test]
fn a_pause_holds_everything_up_and_loses_nothing() {
    let (proxy, mut client, _told) = through_a_proxy(Wire::Opaque);
    proxy.pause(Towards::Client);
    client.write_all(b"hello").expect("it is open");
    client.set_read_timeout(Some(Duration::from_millis(150))).expect("a time limit");
    let mut answer = [0; 5];
    let error = client.read(&mut answer).expect_err("nothing is passed on");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    assert_eq!(proxy.traffic().bytes_to_server, 5);
    proxy.resume();
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    client.read_exact(&mut answer).expect("it goes on");
    assert_eq!(&answer, b"hello");
}

#[test]
fn dropping_the_proxy_ends_its_connections() {
    let (proxy, mut client, _told) = through_a_proxy(Wire::Opaque);
    ask(&mut client, b"hello");
    let port = proxy.port();
    drop(proxy);
    assert!(rest(&mut client).is_empty());
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < deadline, "it still listens");
    }
}
