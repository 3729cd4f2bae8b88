/* SPDX-License-Identifier: MIT */
/* The console, files and names of Windows. Its narrow functions speak the code page, so the wide ones are called. */
#include "compat/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "compat/windows.h"

#include <shellapi.h>

wchar_t *iu_windows_widen(const char *text)
{
	int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
	wchar_t *wide = n > 0 ? malloc((size_t)n * sizeof(*wide)) : NULL;

	if (wide == NULL)
		errno = n > 0 ? ENOMEM : EINVAL;
	else
		MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, n);
	return wide;
}

char *iu_windows_narrow(const wchar_t *wide)
{
	int n = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
	char *text = n > 0 ? malloc((size_t)n) : NULL;

	if (text != NULL)
		WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, n, NULL, NULL);
	return text;
}

static void read_arguments(int *argc, char ***argv)
{
	int n = 0;
	wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &n);
	char **list = wide ? calloc((size_t)n + 1, sizeof(*list)) : NULL;
	bool whole = list != NULL;

	for (int i = 0; whole && i < n; i++) {
		list[i] = iu_windows_narrow(wide[i]);
		whole = list[i] != NULL;
	}
	if (whole) {
		*argc = n;
		*argv = list;
	}
	LocalFree(wide);
}

static void prepare_console(DWORD which)
{
	HANDLE console = GetStdHandle(which);
	DWORD mode;

	if (GetConsoleMode(console, &mode))
		SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

/* The console outlives this program, and others write to it. */
static UINT console_code_page;

static void restore_console(void)
{
	if (console_code_page != 0)
		SetConsoleOutputCP(console_code_page);
}

void iu_system_start(int *argc, char ***argv)
{
	read_arguments(argc, argv);
	console_code_page = GetConsoleOutputCP();
	if (console_code_page != CP_UTF8 && SetConsoleOutputCP(CP_UTF8))
		atexit(restore_console);
	prepare_console(STD_OUTPUT_HANDLE);
	prepare_console(STD_ERROR_HANDLE);
	/* what is received and what is saved is passed on byte by byte */
	_setmode(_fileno(stdin), _O_BINARY);
	_setmode(_fileno(stdout), _O_BINARY);
	_setmode(_fileno(stderr), _O_BINARY);
}

char *iu_system_name(char *buf, size_t size)
{
	/* GetVersionEx() says 6.2 to a program without a manifest; this one tells the truth */
	typedef LONG WINAPI version_fn(OSVERSIONINFOW *info);
	HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
	FARPROC found = ntdll ? GetProcAddress(ntdll, "RtlGetVersion") : NULL;
	OSVERSIONINFOW info = {.dwOSVersionInfoSize = sizeof(info)};
	version_fn *version;

	memcpy(&version, &found, sizeof(version));
	if (found != NULL && version(&info) == 0)
		snprintf(buf, size, "Windows %lu.%lu.%lu", info.dwMajorVersion, info.dwMinorVersion, info.dwBuildNumber);
	else
		snprintf(buf, size, "Windows");
	return buf;
}

bool iu_windows_token(HANDLE process, union iu_windows_token *ret)
{
	DWORD size;
	HANDLE handle;
	bool known;

	if (!OpenProcessToken(process, TOKEN_QUERY, &handle))
		return false;
	known = GetTokenInformation(handle, TokenUser, ret, sizeof(*ret), &size);
	CloseHandle(handle);
	return known;
}

/* A SID is longer than a number: FNV-1a of it (32 bits), in which the users of one machine do not meet. */
uint32_t iu_windows_user(HANDLE process)
{
	union iu_windows_token token;
	uint32_t number = 2166136261u;
	const uint8_t *bytes;

	if (!iu_windows_token(process, &token))
		return 0;
	bytes = token.user.User.Sid;
	for (DWORD i = 0; i < GetLengthSid(token.user.User.Sid); i++)
		number = (number ^ bytes[i]) * 16777619u;
	return number == 0 || number == UINT32_MAX ? 1 : number;
}

uint32_t iu_system_user(void)
{
	return iu_windows_user(GetCurrentProcess());
}

uint32_t iu_system_real_user(void)
{
	return iu_system_user();
}

/* The tables are the same for everybody, and what they lack no administrator sees either. */
bool iu_system_sees_all(void)
{
	return true;
}

bool iu_system_find_user(const char *name, uint32_t *ret_uid)
{
	return false;
}

bool iu_system_find_service(const char *name, uint16_t *ret_port)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;

	if (getaddrinfo(NULL, name, &hints, &list) != 0 || list == NULL)
		return false;
	*ret_port = ntohs(((const struct sockaddr_in *)(const void *)list->ai_addr)->sin_port);
	freeaddrinfo(list);
	return true;
}

/* NUL is a character device, too, and so is a pipe of some terminals: only a console has a mode. */
bool iu_system_is_terminal(FILE *f)
{
	DWORD mode;

	return GetConsoleMode((HANDLE)_get_osfhandle(_fileno(f)), &mode);
}

/* Its C library has no name for ERROR_NO_DATA, "the pipe is being closed", and says EINVAL. */
bool iu_system_reader_has_gone(int code)
{
	return code == EPIPE || code == EINVAL;
}

uint32_t iu_system_random(void)
{
	unsigned number;

	return rand_s(&number) == 0 ? number : GetTickCount();
}

/* Windows tells of Ctrl-C in a thread of its own; a console that is closed, or a session that ends, likewise. */
static HANDLE interrupted;
static volatile LONG interrupted_by;

static BOOL WINAPI note_interrupt(DWORD event)
{
	interrupted_by = event == CTRL_C_EVENT ? SIGINT : SIGTERM;
	SetEvent(interrupted);
	return TRUE;
}

HANDLE iu_windows_interrupt_event(void)
{
	return interrupted;
}

int iu_system_catch_interrupts(void)
{
	if (interrupted == NULL)
		interrupted = CreateEventW(NULL, TRUE, FALSE, NULL);
	return interrupted != NULL && SetConsoleCtrlHandler(note_interrupt, TRUE) ? 0 : -1;
}

int iu_system_interrupt(int fd)
{
	return (int)interrupted_by;
}

void iu_system_release_interrupts(int fd)
{
	if (fd >= 0)
		SetConsoleCtrlHandler(note_interrupt, FALSE);
}

bool iu_system_has_colours(void)
{
	const char *term = getenv("TERM");

	return term == NULL || strcmp(term, "dumb") != 0;
}

size_t iu_system_columns(FILE *f)
{
	CONSOLE_SCREEN_BUFFER_INFO info;

	if (!GetConsoleScreenBufferInfo((HANDLE)_get_osfhandle(_fileno(f)), &info))
		return 0;
	return (size_t)(info.srWindow.Right - info.srWindow.Left + 1);
}

const char *iu_system_variable(const char *name)
{
	wchar_t *wide = iu_windows_widen(name), *found = wide ? _wgetenv(wide) : NULL;
	const char *value = found != NULL && found[0] != 0 ? iu_windows_narrow(found) : NULL;

	free(wide);
	return value;
}

/* Its separators are slashes afterwards, which Windows takes as well. */
bool iu_system_program(char *buf, size_t size)
{
	wchar_t wide[4096];
	DWORD len = GetModuleFileNameW(NULL, wide, 4096);

	if (len == 0 || len >= 4096 || WideCharToMultiByte(CP_UTF8, 0, wide, -1, buf, (int)size, NULL, NULL) <= 0)
		return false;
	for (char *c = buf; *c != 0; c++)
		if (*c == '\\')
			*c = '/';
	return true;
}

bool iu_system_is_folder(const char *path)
{
	wchar_t *wide = iu_windows_widen(path);
	DWORD attributes = wide ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;

	free(wide);
	return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

bool iu_system_each_in(const char *path, void (*fn)(void *arg, const char *name), void *arg)
{
	wchar_t *wide = iu_windows_widen(path);
	_WDIR *dir = wide ? _wopendir(wide) : NULL;
	struct _wdirent *entry;

	free(wide);
	if (dir == NULL)
		return false;
	while ((entry = _wreaddir(dir)) != NULL) {
		char *name = entry->d_name[0] != L'.' ? iu_windows_narrow(entry->d_name) : NULL;

		if (name != NULL)
			fn(arg, name);
		free(name);
	}
	_wclosedir(dir);
	return true;
}

static FILE *open_wide(const char *path, const wchar_t *mode)
{
	wchar_t *wide = iu_windows_widen(path);
	FILE *f = wide ? _wfopen(wide, mode) : NULL;

	free(wide);
	return f;
}

FILE *iu_system_open(const char *path)
{
	return open_wide(path, L"rbN");
}

FILE *iu_system_open_ordinary(const char *path)
{
	FILE *f = iu_system_open(path);

	if (f != NULL && GetFileType((HANDLE)_get_osfhandle(_fileno(f))) != FILE_TYPE_DISK) {
		fclose(f);
		errno = EINVAL;
		return NULL;
	}
	return f;
}

/* A new file has the rights of its folder: below a user's own folders nobody else may read it. */
FILE *iu_system_create(const char *path, bool secret)
{
	return open_wide(path, L"wbN");
}

void iu_system_discard(const char *path)
{
	wchar_t *wide = iu_windows_widen(path);

	if (wide != NULL)
		_wremove(wide); /* fails for the names of devices */
	free(wide);
}
