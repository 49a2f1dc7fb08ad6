use super::*;

/// Holds that programs can spawn the futures: this compiles only while they are `Send`.
#[test]
fn futures_of_sharer_are_send() {
    fn is_send<T: Send>(_: T) {}

    fn check(sharer: &Sharer, request: &ShareRequest, plan: &Plan) {
        is_send(sharer.plan(request));
        is_send(sharer.preview(request));
        is_send(sharer.verify(request));
        is_send(sharer.apply(plan));
    }

    let _ = check;
}
