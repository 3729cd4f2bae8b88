/* SPDX-License-Identifier: MIT */
/*
 * A device to nobody: what is sent there is read here, and what is written here arrives. Packets are made and read whole.
 */
#include "lab/live.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"

#define NAME "wire"
#define TIMESTAMPS_LEN 12

struct iu_wire {
	int fd;
};

enum inuse_status iu_wire_new(struct iu_wire **ret, struct inuse_error *error)
{
	struct ifreq request = {.ifr_name = NAME, .ifr_flags = IFF_TUN | IFF_NO_PI};
	struct iu_wire *wire;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "/dev/net/tun", _("it needs a tun device, and /dev/net/tun is not to be had: %s"),
			       strerror(errno));
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		int code = errno;

		close(fd);
		return iu_fail(error, INUSE_E_UNSUPPORTED, code, "TUNSETIFF", _("a tun device cannot be made here: %s"), strerror(code));
	}
	wire = malloc(sizeof(*wire));
	if (wire == NULL) {
		close(fd);
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	}
	wire->fd = fd;
	*ret = wire;
	return INUSE_OK;
}

void iu_wire_free(struct iu_wire *wire)
{
	if (wire == NULL)
		return;
	close(wire->fd);
	free(wire);
}

unsigned iu_wire_device(void)
{
	return if_nametoindex(NAME);
}

enum inuse_status iu_wire_address(const struct inuse_addr *addr, unsigned prefix_len, struct inuse_error *error)
{
	return iu_lab_address(NAME, addr, prefix_len, error);
}

enum inuse_status iu_wire_up(struct inuse_error *error)
{
	return iu_lab_link(NAME, true, error);
}

/* ----------------------------------------------------------------------------------------------- packets */

static void put16(uint8_t *p, uint32_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16);
	put16(p + 2, n);
}

/* RFC 1071: the sum of 16-bit words; len is even. */
static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t put_ip(uint8_t *p, const struct inuse_addr *from, const struct inuse_addr *to, size_t tcp_len)
{
	if (from->family == 4) {
		p[0] = 0x45;
		put16(p + 2, (uint32_t)(20 + tcp_len));
		p[8] = 64;
		p[9] = IPPROTO_TCP;
		memcpy(p + 12, from->ip, 4);
		memcpy(p + 16, to->ip, 4);
		put16(p + 10, fold(add_words(0, p, 20)));
		return 20;
	}
	p[0] = 0x60;
	put16(p + 4, (uint32_t)tcp_len);
	p[6] = IPPROTO_TCP;
	p[7] = 64;
	memcpy(p + 8, from->ip, 16);
	memcpy(p + 24, to->ip, 16);
	return 40;
}

size_t iu_packet_write(const struct iu_packet *packet, uint8_t bytes[IU_PACKET_MAX])
{
	struct inuse_addr from = iu_addr_unmapped(&packet->from), to = iu_addr_unmapped(&packet->to);
	size_t tcp_len = 20 + (packet->s.has_ts ? TIMESTAMPS_LEN : 0), addr_len = from.family == 4 ? 4 : 16, header;
	uint8_t *tcp;

	memset(bytes, 0, IU_PACKET_MAX);
	header = put_ip(bytes, &from, &to, tcp_len);
	tcp = bytes + header;
	put16(tcp, packet->from.port);
	put16(tcp + 2, packet->to.port);
	put32(tcp + 4, packet->s.seq);
	put32(tcp + 8, packet->s.ack);
	tcp[12] = (uint8_t)(tcp_len / 4 << 4);
	tcp[13] = packet->s.flags;
	put16(tcp + 14, 65535);
	if (packet->s.has_ts) { /* RFC 7323 appendix A: two NOPs in front */
		memcpy(tcp + 20, (const uint8_t[]){1, 1, 8, 10}, 4);
		put32(tcp + 24, packet->s.tsval);
		put32(tcp + 28, packet->s.tsecr);
	}
	put16(tcp + 16, fold(add_words(add_words(add_words(IPPROTO_TCP + (uint32_t)tcp_len, from.ip, addr_len), to.ip, addr_len), tcp,
				       tcp_len)));
	return header + tcp_len;
}

bool iu_wire_send(struct iu_wire *wire, const struct iu_packet *packet)
{
	uint8_t bytes[IU_PACKET_MAX];
	size_t len = iu_packet_write(packet, bytes);

	return write(wire->fd, bytes, len) == (ssize_t)len;
}

bool iu_wire_take(struct iu_wire *wire, int wait_ms, struct iu_packet *ret)
{
	struct pollfd pfd = {wire->fd, POLLIN, 0};
	uint8_t bytes[2048];

	for (;;) {
		ssize_t len = read(wire->fd, bytes, sizeof(bytes));

		if (len > 0 && iu_packet_read(bytes, (size_t)len, ret))
			return true;
		if (len < 0 && (errno != EAGAIN || poll(&pfd, 1, wait_ms) != 1))
			return false;
	}
}
