/*
 * mqload: an MQTT 3.1.1 load generator, TLS or plain, one thread, epoll.
 *
 * It is written in C so that, on a machine of two cores, the generator is cheaper than
 * the broker that it measures. It works against any MQTT broker, so that two brokers can
 * be measured with the same load in one run.
 *
 *   cc -O2 -o mqload mqload.c -lssl -lcrypto
 *
 * phases: connect every device (at most -j handshakes at once), publish for the warm-up,
 * publish for the measured time, print one line, exit 0. Any refused CONNECT, closed
 * connection or unexpected packet ends it with a message and exit 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum phase { CONNECTING, HANDSHAKING, AWAIT_CONNACK, READY };

struct device {
    int fd, index, inflight, in_len, out_len, out_cap;
    enum phase phase;
    SSL *tls;
    SSL_SESSION *session;         /* what the last handshake left to resume, with -R */
    unsigned short packet_id;
    double *sent_at;              /* by packet id, allocated when first used */
    unsigned char in[2048], *out;
};

static struct {
    const char *host, *ca, *cert, *key, *sni, *topic, *user, *devices_file;
    int port, devices, window, size, qos, parallel, plain, hold, resume;
    double seconds, warmup, rate;
} opt = { .host = "127.0.0.1", .sni = "localhost", .topic = "devices/%s/messages/events/",
          .port = 8883, .devices = 100, .window = 1, .size = 256, .qos = 1, .parallel = 64,
          .seconds = 5, .warmup = 1 };

static char **ids, **passwords;
static int listed;
static struct device *devices;
static unsigned char *payload;
static long acked, sent;
static float *latency;
static long latencies, latency_cap = 1 << 24;
static int measuring, epoll_fd, ready, started, resumed;
static SSL_CTX *ctx;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }

static void die(const char *what)
{
    fprintf(stderr, "mqload: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static const char *id_of(int i)
{
    static char made[32];
    if (listed) return ids[i % listed];
    snprintf(made, sizeof made, "dev%06d", i);
    return made;
}

/* ID<TAB>PASSWORD a line; the password is optional. */
static void read_devices(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) die(path);
    char *line = NULL;
    size_t cap = 0, room = 0;
    while (getline(&line, &cap, f) > 0) {
        line[strcspn(line, "\r\n")] = 0;
        if ((size_t)listed == room) {
            room = room ? room * 2 : 1024;
            ids = realloc(ids, room * sizeof *ids);
            passwords = realloc(passwords, room * sizeof *passwords);
        }
        char *tab = strchr(line, '\t');
        if (tab) *tab = 0;
        ids[listed] = strdup(line);
        passwords[listed++] = tab ? strdup(tab + 1) : NULL;
    }
    free(line);
    fclose(f);
    if (!listed) { errno = EINVAL; die("no device in the list"); }
}

static void flush_out(struct device *d)
{
    while (d->out_len > 0) {
        int n = d->tls ? SSL_write(d->tls, d->out, d->out_len) : (int)write(d->fd, d->out, d->out_len);
        if (n <= 0) return;
        memmove(d->out, d->out + n, d->out_len - n);
        d->out_len -= n;
    }
}

static void queue(struct device *d, const void *bytes, int n)
{
    if (d->out_len + n > d->out_cap) {
        d->out_cap = (d->out_len + n) * 2;
        d->out = realloc(d->out, d->out_cap);
    }
    memcpy(d->out + d->out_len, bytes, n);
    d->out_len += n;
}

static int put_length(unsigned char *b, int n) { int i = 0; do { b[i] = n % 128; n /= 128; if (n) b[i] |= 128; i++; } while (n); return i; }
static int put_string(unsigned char *b, const char *s) { int n = strlen(s); b[0] = n >> 8; b[1] = n; memcpy(b + 2, s, n); return n + 2; }

static void send_connect(struct device *d)
{
    const char *id = id_of(d->index), *password = listed ? passwords[d->index % listed] : NULL;
    char user[1024] = "";
    if (opt.user) snprintf(user, sizeof user, opt.user, id);
    unsigned char b[4096], body[4000];
    int n = 0;
    memcpy(body, "\0\4MQTT\4", 7); n = 7;
    body[n++] = 2 | (opt.user ? 0x80 : 0) | (password ? 0x40 : 0);
    body[n++] = 0; body[n++] = 240;
    n += put_string(body + n, id);
    if (opt.user) n += put_string(body + n, user);
    if (password) n += put_string(body + n, password);
    int i = 0;
    b[i++] = 0x10; i += put_length(b + i, n);
    memcpy(b + i, body, n);
    queue(d, b, i + n);
    flush_out(d);
    d->phase = AWAIT_CONNACK;
}

static void publish(struct device *d)
{
    unsigned char head[1024];
    char topic[512];
    int i = 0, t = snprintf(topic, sizeof topic, opt.topic, id_of(d->index));
    head[i++] = 0x30 | opt.qos << 1;
    i += put_length(head + i, 2 + t + (opt.qos ? 2 : 0) + opt.size);
    i += put_string(head + i, topic);
    if (opt.qos) {
        if (++d->packet_id == 0) d->packet_id = 1;
        head[i++] = d->packet_id >> 8; head[i++] = d->packet_id;
        if (!d->sent_at) d->sent_at = calloc(65536, sizeof *d->sent_at);
        d->sent_at[d->packet_id] = now();
        d->inflight++;
    }
    queue(d, head, i);
    queue(d, payload, opt.size);
    flush_out(d);
    sent++;
}

static void start_device(int i)
{
    struct device *d = &devices[i];
    d->index = i;
    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (d->fd < 0) die("socket");
    int one = 1;
    setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(opt.port) };
    if (inet_pton(AF_INET, opt.host, &a.sin_addr) != 1) die("-h takes an IPv4 address");
    if (connect(d->fd, (void *)&a, sizeof a) && errno != EINPROGRESS) die("connect");
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT, .data.ptr = d };
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, d->fd, &e);
}

static void watch(struct device *d, unsigned events) { struct epoll_event e = { .events = events, .data.ptr = d }; epoll_ctl(epoll_fd, EPOLL_CTL_MOD, d->fd, &e); }

static void handshake(struct device *d)
{
    if (opt.plain) { watch(d, EPOLLIN); send_connect(d); return; }
    if (!d->tls) {
        d->tls = SSL_new(ctx);
        SSL_set_fd(d->tls, d->fd);
        SSL_set_tlsext_host_name(d->tls, opt.sni);
        SSL_set_app_data(d->tls, d);
        if (d->session) SSL_set_session(d->tls, d->session);
        if (opt.cert) {
            char path[2][1024];
            snprintf(path[0], sizeof path[0], opt.cert, id_of(d->index));
            snprintf(path[1], sizeof path[1], opt.key, id_of(d->index));
            if (SSL_use_certificate_chain_file(d->tls, path[0]) != 1 || SSL_use_PrivateKey_file(d->tls, path[1], SSL_FILETYPE_PEM) != 1) die(path[0]);
        }
        d->phase = HANDSHAKING;
    }
    int r = SSL_connect(d->tls);
    if (r == 1) { resumed += SSL_session_reused(d->tls); watch(d, EPOLLIN); send_connect(d); return; }
    int e = SSL_get_error(d->tls, r);
    if (e == SSL_ERROR_WANT_READ) watch(d, EPOLLIN);
    else if (e == SSL_ERROR_WANT_WRITE) watch(d, EPOLLIN | EPOLLOUT);
    else die("TLS handshake");
}

static int keep_session(SSL *tls, SSL_SESSION *session)
{
    struct device *d = SSL_get_app_data(tls);
    if (d->session) SSL_SESSION_free(d->session);
    d->session = session;
    return 1;
}

static void on_packet(struct device *d, const unsigned char *p, int body)
{
    switch (p[0] >> 4) {
    case 2:
        if (p[3] != 0) { fprintf(stderr, "mqload: %s was refused, CONNACK code %d\n", id_of(d->index), p[3]); exit(1); }
        d->phase = READY;
        ready++;
        if (started < opt.devices) start_device(started++);
        break;
    case 4: {
        int id = p[2] << 8 | p[3];
        acked++;
        d->inflight--;
        if (measuring && latencies < latency_cap) latency[latencies++] = now() - d->sent_at[id];
        if (opt.rate == 0 && !opt.hold) publish(d);
        break;
    }
    case 13: break;
    default: fprintf(stderr, "mqload: unexpected packet type %d, %d bytes\n", p[0] >> 4, body); exit(1);
    }
}

static void on_readable(struct device *d)
{
    for (;;) {
        int n = d->tls ? SSL_read(d->tls, d->in + d->in_len, sizeof d->in - d->in_len) : (int)read(d->fd, d->in + d->in_len, sizeof d->in - d->in_len);
        if (n <= 0) {
            if (n == 0 && (!d->tls || SSL_get_error(d->tls, n) == SSL_ERROR_ZERO_RETURN)) { fprintf(stderr, "mqload: %s was disconnected\n", id_of(d->index)); exit(1); }
            return;
        }
        d->in_len += n;
        int at = 0;
        while (d->in_len - at >= 2) {
            int body = d->in[at + 1];
            if (body & 128) { fprintf(stderr, "mqload: a packet larger than expected\n"); exit(1); }
            if (d->in_len - at < 2 + body) break;
            on_packet(d, d->in + at, body);
            at += 2 + body;
        }
        memmove(d->in, d->in + at, d->in_len - at);
        d->in_len -= at;
    }
}

static void poll_once(int timeout_ms)
{
    struct epoll_event events[512];
    int n = epoll_wait(epoll_fd, events, 512, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct device *d = events[i].data.ptr;
        if (d->phase <= HANDSHAKING) handshake(d);
        if (d->phase >= AWAIT_CONNACK) { on_readable(d); flush_out(d); }
    }
}

static void connect_all(void)
{
    ready = started = resumed = 0;
    while (started < opt.devices && started < opt.parallel) start_device(started++);
    while (ready < opt.devices) poll_once(100);
}

static void disconnect_all(void)
{
    for (int i = 0; i < opt.devices; i++) {
        struct device *d = &devices[i];
        queue(d, "\xe0\0", 2);
        flush_out(d);
        SSL_shutdown(d->tls);
        SSL_free(d->tls);
        close(d->fd);
        free(d->out);
        *d = (struct device){ .session = d->session };
    }
}

static int by_value(const void *a, const void *b) { float x = *(const float *)a, y = *(const float *)b; return (x > y) - (x < y); }
static double percentile(double q) { return latencies ? latency[(long)((latencies - 1) * q)] * 1e3 : 0; }

static void usage(void)
{
    fputs("usage: mqload [-h ADDRESS] [-p PORT] [-S SNI] [-P plain TCP] [-C CA.pem] [-c CERT -k KEY, '%s' = device id]\n"
          "  [-n DEVICES] [-i FILE of ID<TAB>PASSWORD] [-u USERNAME, '%s' = device id] [-t TOPIC, '%s' = device id]\n"
          "  [-j parallel handshakes] [-q 0|1] [-w WINDOW in flight per device] [-s PAYLOAD bytes]\n"
          "  [-r RATE msgs/s over all devices, 0 = as fast as acknowledged] [-d SECONDS] [-W WARM-UP seconds]\n"
          "  [-R connect twice and measure the second time, resuming TLS sessions]\n"
          "  [-H connect and hold, publishing nothing, for -d seconds]\n", stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    int o;
    while ((o = getopt(argc, argv, "h:p:S:PC:c:k:n:i:u:t:j:q:w:s:r:d:W:HR")) != -1) switch (o) {
    case 'h': opt.host = optarg; break;      case 'p': opt.port = atoi(optarg); break;
    case 'S': opt.sni = optarg; break;       case 'P': opt.plain = 1; break;
    case 'C': opt.ca = optarg; break;        case 'c': opt.cert = optarg; break;
    case 'k': opt.key = optarg; break;       case 'n': opt.devices = atoi(optarg); break;
    case 'i': opt.devices_file = optarg; break; case 'u': opt.user = optarg; break;
    case 't': opt.topic = optarg; break;     case 'j': opt.parallel = atoi(optarg); break;
    case 'q': opt.qos = atoi(optarg); break; case 'w': opt.window = atoi(optarg); break;
    case 's': opt.size = atoi(optarg); break; case 'r': opt.rate = atof(optarg); break;
    case 'd': opt.seconds = atof(optarg); break; case 'W': opt.warmup = atof(optarg); break;
    case 'H': opt.hold = 1; break;           case 'R': opt.resume = 1; break;
    default: usage();
    }
    if (optind != argc || (opt.cert && !opt.key)) usage();
    if (opt.devices_file) read_devices(opt.devices_file);

    payload = malloc(opt.size + 1);
    memset(payload, 'x', opt.size);
    latency = malloc(latency_cap * sizeof *latency);
    devices = calloc(opt.devices, sizeof *devices);
    ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (opt.ca) {
        if (SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1) die(opt.ca);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    epoll_fd = epoll_create1(0);

    if (opt.resume && !opt.plain) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, keep_session);
        connect_all();
        disconnect_all();
        poll_once(200);
    }
    double begun = now();
    connect_all();
    double connected = now() - begun;
    fprintf(stderr, "connected %d devices in %.2f s, %.0f/s, %s, %d resumed\n", opt.devices, connected, opt.devices / connected,
            opt.plain ? "plain" : SSL_get_version(devices[0].tls), resumed);

    double measured_from = now() + opt.warmup, until = measured_from + opt.seconds, next = now();
    long base = 0;
    int turn = 0;
    if (!opt.hold && opt.qos && opt.rate == 0)
        for (int i = 0; i < opt.devices; i++)
            for (int w = 0; w < opt.window; w++) publish(&devices[i]);
    for (double t; (t = now()) < until;) {
        if (!measuring && t >= measured_from) { measuring = 1; base = opt.qos ? acked : sent; measured_from = t; }
        if (opt.hold) { poll_once(100); continue; }
        if (opt.rate > 0) {
            for (int burst = 0; next <= t && burst < 256; burst++, next += 1 / opt.rate) {
                struct device *d = &devices[turn++ % opt.devices];
                if (!opt.qos || d->inflight < opt.window) publish(d);
            }
        } else if (!opt.qos) {
            for (int i = 0; i < 64; i++) {
                struct device *d = &devices[turn++ % opt.devices];
                if (d->out_len < 65536) publish(d); else flush_out(d);
            }
        }
        poll_once(opt.rate > 0 || !opt.qos ? 0 : 10);
    }
    double elapsed = now() - measured_from;
    qsort(latency, latencies, sizeof *latency, by_value);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("connects/s %.0f messages %ld messages/s %.0f p50 %.2f ms p99 %.2f ms p99.9 %.2f ms generator-cpu %.2f s\n",
           opt.devices / connected, (opt.qos ? acked : sent) - base, ((opt.qos ? acked : sent) - base) / elapsed,
           percentile(.5), percentile(.99), percentile(.999),
           u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6);
    return 0;
}
