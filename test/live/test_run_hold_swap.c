/* SPDX-License-Identifier: MIT */
/* inuse run --hold: when a held socket is given, what comes with it, and when the bind is made as it stands. */
#include "support/holder.h"

/* Start 1, a restart, start 2, each up with those words behind its number. */
static void check(const char *script, const char *first, const char *second)
{
	pid_t pid = HOLDER_START(script, PLAIN);

	live_expect(pid, live_text("up 1 %s\n", first));
	kill(pid, SIGUSR2);
	live_expect(pid, live_text("up 2 %s\n", second));
	holder_end(pid);
}

/* The cookie of a socket is the same as long as it is the same socket. */
#define COOKIE "def cookie(s): return s.getsockopt(SOL_SOCKET, 57, 8).hex()\n" \
	       "def again(*cookies):\n" \
	       "    path = sys.argv[1] + '/cookies'; old = open(path).read().split() if os.path.exists(path) else []\n" \
	       "    open(path, 'w').write(' '.join(cookies))\n" \
	       "    return ' '.join('same' if c in old else 'new' for c in cookies)\n"

/* ------------------------------------------------------------------------------------ one per generation */

static void test_hold__second_bind_in_one_start__in_use_as_ever(void **state)
{
	check("a = listen()\n"
	      "try: listen(); word = 'ok'\n"
	      "except OSError as e: word = e.errno\n"
	      "up(word); serve(a)", "98", "98");
}

static void test_hold__second_process_of_one_start__in_use_as_ever(void **state)
{
	check("a = listen()\n"
	      "if os.fork() == 0:\n"
	      "    a.close()\n"
	      "    try: listen(); os._exit(0)\n"
	      "    except OSError as e: os._exit(e.errno)\n"
	      "up(os.waitstatus_to_exitcode(os.wait()[1])); serve(a)", "98", "98");
}

static void test_hold__closed_and_bound_again__works_as_ever(void **state)
{
	check(COOKIE "a = listen(); first = cookie(a); a.close()\n"
		     "a = listen(); up(again(cookie(a)), first == cookie(a)); serve(a)", "new True", "same True");
}

static void test_hold__many_closed_and_bound_again__each_as_ever(void **state)
{
	/* what is seen of one of them counts for the others, as long as nobody is given one */
	check(COOKIE "def all(): return [listen(port=p) for p in range(10000, 10200)]\n"
		     "old = all(); first = list(map(cookie, old))\n"
		     "for s in old: s.close()\n"
		     "new = all(); wrong = 0\n"
		     "for p in range(10000, 10200):\n"
		     "    try: listen(port=p); wrong += 1\n"
		     "    except OSError as e: wrong += e.errno != 98\n"
		     "a = listen(); up(first == list(map(cookie, new)), wrong); serve(a)", "True 0", "True 0");
}

static void test_hold__reuseport__one_to_one(void **state)
{
	check(COOKIE "port = ((SOL_SOCKET, SO_REUSEPORT, 1),)\n"
		     "all = [listen(options=port) for i in range(1 + start)]\n"
		     "up(again(*map(cookie, all)))\n"
		     "serve(all[0])", "new new", "same same new");
}

/* ------------------------------------------------------------------------------- what must be the same */

static void test_hold__same_address__same_socket(void **state)
{
	check(COOKIE "a = listen(); up(again(cookie(a))); serve(a)", "new", "same");
	unlink(live_text("%s/starts", actor_dir));
	unlink(live_text("%s/cookies", actor_dir));
	check(COOKIE "a = listen(host='::', family=AF_INET6); up(again(cookie(a))); serve(a)", "new", "same");
}

static void test_hold__wildcard_instead__old_one_gives_way(void **state)
{
	check(COOKIE "a = listen(host='127.0.0.1' if start == 1 else '0.0.0.0'); up(again(cookie(a))); serve(a)", "new", "new");
}

static void test_hold__other_family__old_one_gives_way(void **state)
{
	live_need_ipv6();
	check(COOKIE "a = listen(host='0.0.0.0') if start == 1 else listen(host='::', family=AF_INET6)\n"
		     "up(again(cookie(a))); serve(a)", "new", "new");
}

static void test_hold__v6only_instead__as_it_stands(void **state)
{
	live_need_ipv6();
	check(COOKIE "a = listen(host='::', family=AF_INET6, options=((IPPROTO_IPV6, IPV6_V6ONLY, start - 1),))\n"
		     "up(again(cookie(a)), a.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY)); serve(a)", "new 0", "new 1");
}

static void test_hold__device_instead__as_it_stands(void **state)
{
	check(COOKIE "a = listen(options=((SOL_SOCKET, SO_BINDTODEVICE, b'lo'),) if start == 2 else ())\n"
		     "up(again(cookie(a)), a.getsockopt(SOL_SOCKET, SO_BINDTODEVICE, 16)); serve(a)", "new b''", "new b'lo\\x00'");
}

static void test_hold__other_protocol__as_it_stands(void **state)
{
	if (live_sysctl_get("net.mptcp.enabled")[0] != '1')
		live_skip("this kernel has no MPTCP");
	check(COOKIE "a = socket(AF_INET, SOCK_STREAM, 0 if start == 1 else 262); a.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)\n"
		     "a.bind(('127.0.0.1', 8080)); a.listen(5); up(again(cookie(a))); serve(a)", "new", "new");
}

static void test_hold__other_namespace__as_it_stands(void **state)
{
	live_need_root();
	check(COOKIE "import ctypes\n"
		     "if start == 2: assert ctypes.CDLL(None).unshare(0x40000000) == 0\n"
		     "a = listen(host='0.0.0.0'); up(again(cookie(a))); serve(a)", "new", "new");
}

static void test_hold__port_chosen_by_the_kernel__not_held(void **state)
{
	pid_t pid = HOLDER_START("a = listen(port=0); up(); serve(a)", "--ready=1");
	const struct live_run *run;

	live_expect(pid, "up 1");
	holder_restart(pid, 2);
	run = live_finish(pid, SIGTERM);
	live_says_not(run, "closed", "listens again");
}

/* ------------------------------------------------------------------------------------- what comes with it */

static void test_hold__options__as_on_a_socket_of_ones_own(void **state)
{
	/* every option is set by one of the two starts; in the other one it must be as on a socket nobody has touched */
	check("I, T, S, V = IPPROTO_IP, IPPROTO_TCP, SOL_SOCKET, IPPROTO_IPV6\n"
	      "linger, late, paced = struct.pack('ii', 1, 7), struct.pack('ll', 9, 0), struct.pack('Q', 123456)\n"
	      "odd = [(S, SO_REUSEADDR, 1), (S, SO_KEEPALIVE, 1), (S, SO_RCVBUF, 50000), (S, SO_LINGER, linger), (I, IP_TOS, 0x28),\n"
	      "       (T, TCP_NODELAY, 1), (T, TCP_MAXSEG, 1000), (T, TCP_KEEPIDLE, 77), (T, TCP_DEFER_ACCEPT, 7), (T, TCP_FASTOPEN, 5),\n"
	      "       (S, SO_RCVLOWAT, 1), (T, TCP_CONGESTION, b'reno'), (T, TCP_LINGER2, 11), (S, SO_RCVTIMEO, late)]\n"
	      "even = [(S, SO_REUSEPORT, 1), (S, SO_OOBINLINE, 1), (S, SO_SNDBUF, 60000), (I, IP_TTL, 33), (T, TCP_KEEPINTVL, 55),\n"
	      "        (T, TCP_KEEPCNT, 4), (T, TCP_USER_TIMEOUT, 4321), (T, TCP_SYNCNT, 3), (S, 47, paced), (T, 25, 70000), (S, SO_PRIORITY, 3),\n"
	      "        (I, 24, 1), (S, SO_DONTROUTE, 1)]\n"
	      "s, plain = socket(), socket()\n"
	      "for o in odd if start == 1 else even: s.setsockopt(*o), plain.setsockopt(*o)\n"
	      "names = [o[:2] for o in odd + even] + [(S, 72), (T, TCP_WINDOW_CLAMP), (I, 10)]\n"
	      "s.bind(('127.0.0.1', 8080)); s.listen(5)\n"
	      /* of SO_LINGER that is off, the time does not matter */
	      "def read(s, n): r = s.getsockopt(*n, 64); return r[:4] if n[1] == SO_LINGER and r[0] == 0 else r\n"
	      "up([n for n in names if read(s, n) != read(plain, n)]); serve(s)", "[]", "[]");
}

static void test_hold__options_of_ipv6__as_on_a_socket_of_ones_own(void **state)
{
	live_need_ipv6();
	check("V = IPPROTO_IPV6\n"
	      "s, plain = socket(AF_INET6), socket(AF_INET6)\n"
	      "for o in [(V, IPV6_TCLASS, 0x28)] if start == 1 else [(V, IPV6_UNICAST_HOPS, 9)]: s.setsockopt(*o), plain.setsockopt(*o)\n"
	      "s.bind(('::1', 8080)); s.listen(5)\n"
	      "up([n for n in (IPV6_TCLASS, IPV6_UNICAST_HOPS) if s.getsockopt(V, n) != plain.getsockopt(V, n)]); serve(s)", "[]", "[]");
}

static void test_hold__flags_of_the_descriptor__the_programs(void **state)
{
	check("s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)\n"
	      "s.setblocking(start == 2); s.set_inheritable(start == 2)\n"
	      "s.bind(('127.0.0.1', 8080)); up(os.get_blocking(s.fileno()), s.get_inheritable()); s.listen(5); serve(s)",
	      "False False", "True True");
}

static void test_hold__second_number_for_the_new_socket__both_are_exchanged(void **state)
{
	check(COOKIE "s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); d = s.dup()\n"
		     "s.bind(('127.0.0.1', 8080)); d.listen(5); up(again(cookie(s), cookie(d))); serve(d)", "new new", "same same");
}

static void test_hold__another_process_has_the_new_socket__as_it_stands(void **state)
{
	/*
	 * An exchange would leave the child with a socket that has no port. It has to run before it can be told to end: Python forgets a
	 * signal that comes while it is forked.
	 */
	check(COOKIE "s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); r, w = os.pipe(); runs, says = os.pipe()\n"
		     "child = os.fork()\n"
		     "if child == 0: os.write(says, b'x'); os.read(r, 1); s.listen(5); serve(s); os._exit(0)\n"
		     "os.read(runs, 1); s.bind(('127.0.0.1', 8080)); s.listen(5); os.write(w, b'x'); up(again(cookie(s))); serve(s); os.kill(child, 15)", "new", "new");
}

static void test_hold__registered_with_epoll_before_bind__wakes_up(void **state)
{
	const char *script = "s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); s.setblocking(False)\n"
			     "e = select.epoll(); e.register(s, select.EPOLLIN | select.EPOLLET)\n"
			     "s.bind(('127.0.0.1', 8080)); s.listen(5); up()\n"
			     "n = 0\n"
			     "while not asked:\n"
			     "    for fd, event in e.poll(0.05):\n"
			     "        assert fd == s.fileno()\n"
			     "        c, _ = s.accept(); c.sendall(b'%d' % start); c.close(); n += 1\n"
			     /* under its own number: change it, take it out, put it in */
			     "        e.modify(s, select.EPOLLIN); e.unregister(s); e.register(s, select.EPOLLIN)\n";
	pid_t pid = HOLDER_START(script, PLAIN);

	live_expect(pid, "up 1");
	assert_int_equal(holder_ask(ADDR), 1);
	for (int i = 2; i < 5; i++) {
		holder_restart(pid, i);
		assert_int_equal(holder_ask(ADDR), i);
		assert_int_equal(holder_ask(ADDR), i);
	}
	holder_end(pid);
}

static void test_hold__registered_among_many_others__wakes_up(void **state)
{
	/* one set has too many registrations to be read at each bind, the other one is made between two binds */
	pid_t pid = HOLDER_START("many = select.epoll()\n"
				 "rest = [os.pipe() for i in range(150)]\n"
				 "for r, w in rest: many.register(r, 1)\n"
				 "def begin(e, port):\n"
				 "    s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); s.setblocking(False); e.register(s, 1)\n"
				 "    s.bind(('127.0.0.1', port)); s.listen(5); return s\n"
				 "first = listen(port=8079); a = begin(many, 8080); few = select.epoll(); b = begin(few, 8081)\n"
				 "c = listen(port=8082); c.setblocking(False); many.register(c, 1); up()\n"
				 "while not asked:\n"
				 "    for e in (many, few):\n"
				 "        for fd, event in e.poll(0.01):\n"
				 "            s = [s for s in (a, b, c) if s.fileno() == fd][0]\n"
				 "            e.modify(s, 1); t, _ = s.accept(); t.sendall(b'%d' % start); t.close()\n", PLAIN);

	live_expect(pid, "up 1");
	for (int i = 1; i < 4; i++) {
		if (i > 1)
			holder_restart(pid, i);
		assert_int_equal(holder_ask("127.0.0.1:8080"), i);
		assert_int_equal(holder_ask("127.0.0.1:8081"), i);
		assert_int_equal(holder_ask("127.0.0.1:8082"), i);
	}
	holder_end(pid);
}

static void test_hold__another_process_has_the_registered_one__still_registered(void **state)
{
	/* the exchange is taken back: everything about the new socket is as it was */
	check(COOKIE "s = socket(); s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1); s.setblocking(False); s.set_inheritable(start == 2)\n"
		     "e = select.epoll(); e.register(s, 1); r, w = os.pipe(); before = cookie(s)\n"
		     "child = os.fork()\n"
		     "if child == 0: os.read(r, 1); os._exit(0)\n"
		     "s.bind(('127.0.0.1', 8080)); s.listen(5); os.write(w, b'x'); os.waitpid(child, 0); e.modify(s, 1)\n"
		     "c = socket(); c.connect(('127.0.0.1', 8080)); n = len(e.poll(9)); s.accept(); c.close()\n"
		     "up(again(cookie(s)), before == cookie(s), s.get_inheritable() == (start == 2), n); serve(s)",
	      "new True True 1", "new True True 1");
}

/* ------------------------------------------------------------------------------------- what cannot come */

static void test_hold__tcp_md5__not_held_and_said(void **state)
{
	pid_t pid = HOLDER_START(COOKIE "a = listen()\n"
					"key = struct.pack('HH4s120xBBHI80s', AF_INET, 0, inet_aton('127.0.0.9'), 0, 0, 4, 0, b'abcd')\n"
					"try: a.setsockopt(IPPROTO_TCP, 14, key)\n"
					"except OSError: print('none here', flush=True)\n"
					"up(again(cookie(a))); serve(a)", PLAIN);

	live_expect(pid, "up 1 new\n");
	live_expect(pid, "has set TCP_MD5SIG, which another socket cannot be given: " ADDR " is not held");
	kill(pid, SIGUSR2);
	live_expect(pid, "up 2 new\n");
	holder_end(pid);
}

static void test_hold__attached_filter__not_given_and_said(void **state)
{
	const char *script = COOKIE "import ctypes\n"
				    "code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0xffffffff))\n"
				    "program = struct.pack('HxxxxxxP', 1, ctypes.addressof(code))\n"
				    "a = listen(options=((SOL_SOCKET, 26, program),) if start == 2 else ())\n"
				    "up(again(cookie(a))); serve(a)";
	pid_t pid = HOLDER_START(script, PLAIN);

	live_expect(pid, "up 1 new\n");
	kill(pid, SIGUSR2);
	live_expect(pid, "does not get the held socket of " ADDR ": SO_ATTACH_FILTER cannot be carried over");
	live_expect(pid, "up 2 new\n");
	holder_end(pid);
}

/* --------------------------------------------------------------------------------------------- the gap */

/* How often this namespace has refused a client that came. */
static long dropped(void)
{
	const char *script = "h, v = [l.split() for l in open('/proc/net/netstat') if l.startswith('TcpExt')]; print(v[h.index('ListenDrops')])";

	return strtol(live_run(actor_python(), "-c", script)->out, NULL, 10);
}

static void test_hold__nobody_accepts__backlog_is_raised(void **state)
{
	pid_t pid = HOLDER_START(WHEN_TOLD "a = listen(backlog=5); up(); serve(a)", PLAIN);

	live_expect(pid, "up 1");
	kill(pid, SIGUSR2);
	holder_await_start(2);
	for (int i = 0; i < 60; i++)
		live_dial(ADDR, NULL, 0);
	assert_int_equal(dropped(), 0); /* a SYN would be sent again after a second */
	holder_go(2);
	live_expect(pid, "up 2");
	assert_int_equal(holder_ask(ADDR), 2);
	holder_end(pid);
}

static void test_hold__shut_down_by_the_program__listens_again(void **state)
{
	pid_t pid = HOLDER_START(WHEN_TOLD "a = listen(); up(); serve(a); a.shutdown(SHUT_RDWR)", PLAIN);
	int fd;

	live_expect(pid, "up 1");
	kill(pid, SIGUSR2);
	holder_await_start(2);
	fd = live_dial(ADDR, NULL, 0);
	holder_go(2);
	live_expect(pid, "up 2");
	assert_int_equal(holder_ask(ADDR), 2);
	live_close(fd);
	holder_end(pid);
}

static void test_hold__not_asked_for_again__closed_after_ready(void **state)
{
	pid_t pid = HOLDER_START("a = listen()\nif start == 1: b = listen(port=8081)\nup(); serve(a)", "--ready=1");

	live_expect(pid, "up 1");
	holder_restart(pid, 2);
	live_expect(pid, "127.0.0.1:8081 is not listened on any more: it was closed");
	assert_int_equal(live_try_connect("127.0.0.1:8081", NULL, 0), ECONNREFUSED);
	assert_int_equal(holder_ask(ADDR), 2);
	holder_end(pid);
}

static void test_hold__closed_by_a_program_that_goes_on__closed_after_ready(void **state)
{
	pid_t pid = HOLDER_START("a = listen(); up(); a.close()\nwhile not asked: time.sleep(0.01)\n", "--ready=1");

	live_expect(pid, "up 1");
	live_close(live_dial(ADDR, NULL, 0)); /* at first it may be a restart */
	live_expect(pid, ADDR " was closed by the program, which goes on: it is held no longer");
	assert_int_equal(live_try_connect(ADDR, NULL, 0), ECONNREFUSED);
	holder_end(pid);
}

static void test_hold__one_of_a_group_closed__clients_go_to_the_others(void **state)
{
	pid_t pid = HOLDER_START("port = ((SOL_SOCKET, SO_REUSEPORT, 1),)\n"
				 "a = listen(options=port); b = listen(options=port); b.close(); up(); serve(a)", PLAIN);

	live_expect(pid, "up 1");
	live_expect(pid, ADDR " was closed by the program, which goes on: it is held no longer");
	for (int i = 0; i < 8; i++)
		assert_int_equal(holder_ask(ADDR), 1);
	holder_end(pid);
}

/* ------------------------------------------------------------------------------------------------ rights */

static void test_hold__ordinary_user__works(void **state)
{
	pid_t pid;

	live_need_root();
	pid = HOLDER_START_AS(LIVE_NOBODY, COOKIE "a = listen(); up(again(cookie(a))); serve(a)", PLAIN);
	live_expect(pid, "up 1 new");
	holder_begin_crowd(ADDR, 2);
	kill(pid, SIGUSR2);
	live_expect(pid, "up 2 same");
	holder_await_served(10);
	holder_end_crowd(0);
	holder_end(pid);
}

static void test_hold__root_bound_it_and_the_next_one_is_not_root__not_given(void **state)
{
	live_need_root();
	check("if start == 2: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
	      "try: a = listen(port=80); word = 'ok'\n"
	      "except OSError as e: word = e.errno; a = socket()\n"
	      "up(word); serve(a)", "ok", "13");
	unlink(live_text("%s/starts", actor_dir));
	/* it may have this one, and gets a socket of its own */
	check(COOKIE "if start == 2: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
		     "a = listen(); up(cookie(a) == open(sys.argv[1] + '/x', 'a+').read() if start == 1 else os.fstat(a.fileno()).st_uid)\n"
		     "serve(a)", "False", "65534");
}

static void test_hold__capability_dropped__not_given(void **state)
{
	live_need_root();
	check("import ctypes\n"
	      /* effective, permitted, inheritable: without CAP_NET_BIND_SERVICE */
	      "if start == 2:\n"
	      "    libc, head, data = ctypes.CDLL(None), struct.pack('II', 0x20080522, 0), ctypes.create_string_buffer(24)\n"
	      "    assert libc.capget(head, data) == 0\n"
	      "    few = [n & ~(1 << 10) if i < 3 else n for i, n in enumerate(struct.unpack('6I', data))]\n"
	      "    assert libc.capset(head, struct.pack('6I', *few)) == 0\n"
	      "try: a = listen(port=80); word = 'ok'\n"
	      "except OSError as e: word = e.errno; a = socket()\n"
	      "up(word); serve(a)", "ok", "13");
}

static void test_hold__landlock__not_given(void **state)
{
	const char *script = "import ctypes\n"
			     "syscall = ctypes.CDLL(None, use_errno=True).syscall\n"
			     "if start == 2:\n"
			     "    ruleset = syscall(444, struct.pack('QQ', 0, 1), 16, 0)\n"
			     "    assert ruleset >= 0 and ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0 and syscall(446, ruleset, 0) == 0\n"
			     "try: a = listen(); word = 'ok'\n"
			     "except OSError as e: word = e.errno; a = socket()\n"
			     "up(word); serve(a)";
	const struct live_run *bare = live_run(actor_path(), "landlock", "127.0.0.1:8080", "127.0.0.1:8081");

	if (bare->status == 77)
		live_skip("this kernel has no Landlock for the network");
	check(script, "ok", "13");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_hold__second_bind_in_one_start__in_use_as_ever),
		folder_test(test_hold__second_process_of_one_start__in_use_as_ever),
		folder_test(test_hold__closed_and_bound_again__works_as_ever),
		folder_test(test_hold__many_closed_and_bound_again__each_as_ever),
		folder_test(test_hold__reuseport__one_to_one),
		folder_test(test_hold__same_address__same_socket),
		folder_test(test_hold__wildcard_instead__old_one_gives_way),
		folder_test(test_hold__other_family__old_one_gives_way),
		folder_test(test_hold__v6only_instead__as_it_stands),
		folder_test(test_hold__device_instead__as_it_stands),
		folder_test(test_hold__other_protocol__as_it_stands),
		folder_test(test_hold__other_namespace__as_it_stands),
		folder_test(test_hold__port_chosen_by_the_kernel__not_held),
		folder_test(test_hold__options__as_on_a_socket_of_ones_own),
		folder_test(test_hold__options_of_ipv6__as_on_a_socket_of_ones_own),
		folder_test(test_hold__flags_of_the_descriptor__the_programs),
		folder_test(test_hold__second_number_for_the_new_socket__both_are_exchanged),
		folder_test(test_hold__another_process_has_the_new_socket__as_it_stands),
		folder_test(test_hold__registered_with_epoll_before_bind__wakes_up),
		folder_test(test_hold__registered_among_many_others__wakes_up),
		folder_test(test_hold__another_process_has_the_registered_one__still_registered),
		folder_test(test_hold__tcp_md5__not_held_and_said),
		folder_test(test_hold__attached_filter__not_given_and_said),
		folder_test(test_hold__nobody_accepts__backlog_is_raised),
		folder_test(test_hold__shut_down_by_the_program__listens_again),
		folder_test(test_hold__not_asked_for_again__closed_after_ready),
		folder_test(test_hold__closed_by_a_program_that_goes_on__closed_after_ready),
		folder_test(test_hold__one_of_a_group_closed__clients_go_to_the_others),
		folder_test(test_hold__ordinary_user__works),
		folder_test(test_hold__root_bound_it_and_the_next_one_is_not_root__not_given),
		folder_test(test_hold__capability_dropped__not_given),
		folder_test(test_hold__landlock__not_given),
	};

	return LIVE_RUN("run_hold_swap", tests);
}
