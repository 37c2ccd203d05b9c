#include "io/file/input_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

std::string ReadText(const InputFile& file, uint64_t offset, size_t size) {
  std::string text(size, '?');
  const Result<void> read =
      file.ReadAt(offset, std::as_writable_bytes(std::span(text)));
  return read.ok()
             ? text
             : "error: " +
                   std::string(RejectCodeName(read.error().code.reject()));
}

Error OpenError(const std::string& path) {
  const Result<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.error();
  ADD_FAILURE() << path << " could be opened";
  return {};
}

int NumOpenFiles() {
  int count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/self/fd")) {
    count += entry.path().empty() ? 0 : 1;
  }
  return count;
}

TEST(InputFileTest, ReadsAnyPartOfAFile) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a.wav"), "0123456789");
  const Result<InputFile> file = InputFile::Open(folder.File("a.wav"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file.value().size_bytes(), 10u);
  EXPECT_EQ(ReadText(file.value(), 0, 10), "0123456789");
  EXPECT_EQ(ReadText(file.value(), 7, 3), "789");
  EXPECT_EQ(ReadText(file.value(), 10, 0), "");
}

TEST(InputFileTest, ARangeIsAFileOfItsOwn) {
  const TempFolder folder;
  const std::string path = folder.File("a.tar");
  WriteWholeFile(path, "0123456789");
  const auto file = InputFile::Open(path, ByteRange{3, 5});
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file.value().size_bytes(), 5u);
  EXPECT_EQ(ReadText(file.value(), 0, 5), "34567");
  EXPECT_EQ(ReadText(file.value(), 4, 1), "7");
  EXPECT_EQ(ReadText(file.value(), 4, 2), "error: changed_since_plan");
  EXPECT_EQ(ReadText(file.value(), 6, 0), "error: changed_since_plan");
  std::string text(2, '?');
  const auto bytes = std::as_writable_bytes(std::span(text));
  EXPECT_FALSE(file.value().ReadCachedAt(4, bytes));
  if (file.value().ReadCachedAt(1, bytes)) {
    EXPECT_EQ(text, "45");
  }
  InputFile moved = std::move(const_cast<InputFile&>(file.value()));
  EXPECT_EQ(ReadText(moved, 1, 2), "45");
}

TEST(InputFileTest, ARangeMustBeInTheFile) {
  const TempFolder folder;
  const std::string path = folder.File("a.tar");
  WriteWholeFile(path, "0123456789");
  EXPECT_TRUE(InputFile::Open(path, ByteRange{0, 10}).ok());
  EXPECT_TRUE(InputFile::Open(path, ByteRange{9, 1}).ok());
  for (const ByteRange& range :
       {ByteRange{0, 11}, ByteRange{9, 2}, ByteRange{11, 1},
        ByteRange{UINT64_MAX, 2}, ByteRange{2, UINT64_MAX}}) {
    const auto file = InputFile::Open(path, range);
    ASSERT_FALSE(file.ok()) << range.offset;
    EXPECT_EQ(file.error().code, RejectCode::kRangeOutside);
  }
  EXPECT_EQ(InputFile::Open(path, ByteRange{9, 2}).error().message,
            "the range of 2 bytes from byte 9 on is not in the file, which has "
            "10 bytes");
}

TEST(InputFileTest, ReadsOfWhatIsNotThereFail) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a.wav"), "0123456789");
  const Result<InputFile> file = InputFile::Open(folder.File("a.wav"));
  ASSERT_TRUE(file.ok());
  const std::string expected = "error: changed_since_plan";
  EXPECT_EQ(ReadText(file.value(), 7, 4), expected);
  EXPECT_EQ(ReadText(file.value(), 11, 0), expected);
  EXPECT_EQ(ReadText(file.value(), UINT64_MAX, 1), expected);
  EXPECT_EQ(ReadText(file.value(), UINT64_MAX - 1, 4), expected);
}

TEST(InputFileTest, NoticesThatTheFileBecameShorter) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a.wav"), "0123456789");
  const Result<InputFile> file = InputFile::Open(folder.File("a.wav"));
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(truncate(folder.File("a.wav").c_str(), 5), 0);
  EXPECT_EQ(ReadText(file.value(), 2, 3), "234");
  EXPECT_EQ(ReadText(file.value(), 2, 4), "error: changed_since_plan");
  std::vector<std::byte> bytes(4);
  EXPECT_FALSE(file.value().ReadCachedAt(2, bytes));
}

TEST(InputFileTest, CachedReadsGiveTheFilesBytesOrSayNo) {
  const TempFolder folder;
  const std::string path = folder.File("a.wav");
  WriteWholeFile(path, "0123456789");
  const Result<InputFile> file = InputFile::Open(path);
  ASSERT_TRUE(file.ok());
  std::string text(4, '?');
  const auto bytes = std::as_writable_bytes(std::span(text));
  EXPECT_FALSE(file.value().ReadCachedAt(8, bytes));
  EXPECT_FALSE(file.value().ReadCachedAt(UINT64_MAX, bytes));
  if (!file.value().ReadCachedAt(3, bytes)) {
    GTEST_SKIP() << "this file system cannot tell what is cached";
  }
  EXPECT_EQ(text, "3456");
}

TEST(InputFileTest, TellsWhatAPathIsWhenItIsNoRegularFile) {
  const TempFolder folder;
  ASSERT_EQ(mkfifo(folder.File("fifo").c_str(), 0600), 0);
  const Error fifo = OpenError(folder.File("fifo"));
  EXPECT_EQ(fifo.code, RejectCode::kNotRegularFile);
  EXPECT_EQ(fifo.message, "is a FIFO");

  const Error device = OpenError("/dev/zero");
  EXPECT_EQ(device.code, RejectCode::kNotRegularFile);
  EXPECT_EQ(device.message, "is a character device");

  const Error directory = OpenError(folder.path());
  EXPECT_EQ(directory.code, RejectCode::kIsDirectory);
  EXPECT_EQ(directory.message, "is a directory");
}

TEST(InputFileTest, SocketsAreNoRegularFiles) {
  // The path is relative, since the names of sockets must be short.
  const TempFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  sockaddr_un address = {AF_UNIX, "s"};
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
            0);
  const Error error = OpenError("s");
  EXPECT_EQ(error.code, RejectCode::kNotRegularFile);
  EXPECT_EQ(error.detail, ENXIO);
  close(fd);
  std::filesystem::current_path(before);
}

TEST(InputFileTest, ErrnosBecomeCodes) {
  const TempFolder folder;
  const Error missing = OpenError(folder.File("no.wav"));
  EXPECT_EQ(missing.code, RejectCode::kNotFound);
  EXPECT_EQ(missing.detail, ENOENT);
  EXPECT_EQ(missing.message, "cannot be opened: No such file or directory");

  WriteWholeFile(folder.File("a.wav"), "x");
  EXPECT_EQ(OpenError(folder.File("a.wav/b.wav")).code, RejectCode::kNotFound);

  ASSERT_EQ(symlink("loop.wav", folder.File("loop.wav").c_str()), 0);
  const Error loop = OpenError(folder.File("loop.wav"));
  EXPECT_EQ(loop.code, RejectCode::kSymlinkLoop);
  EXPECT_EQ(loop.detail, ELOOP);

  const Error too_long = OpenError(folder.File(std::string(300, 'a')));
  EXPECT_EQ(too_long.code, RejectCode::kOpenFailed);
  EXPECT_EQ(too_long.detail, ENAMETOOLONG);
}

TEST(InputFileTest, UnreadableFilesAreNamedSo) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a.wav"), "x");
  ASSERT_EQ(chmod(folder.File("a.wav").c_str(), 0), 0);
  // Root may read everything, so the test becomes another user.
  const uid_t user = geteuid();
  const uid_t other = user == 0 ? 65534 : user;
  ASSERT_EQ(seteuid(other), 0);
  const Error error = OpenError(folder.File("a.wav"));
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_EQ(error.code, RejectCode::kNoPermission);
  EXPECT_EQ(error.detail, EACCES);
}

TEST(InputFileTest, RunningOutOfFileDescriptorsIsTheMachinesFault) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a.wav"), "x");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Error error = OpenError(folder.File("a.wav"));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(error.code, ErrorCode::kMachineFault);
  EXPECT_EQ(error.detail, EMFILE);
}

TEST(InputFileTest, ClosesItsFileOnceHoweverItIsMoved) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a.wav"), "aaaa");
  WriteWholeFile(folder.File("b.wav"), "bb");
  const int before = NumOpenFiles();
  {
    InputFile a = InputFile::Open(folder.File("a.wav")).value();
    InputFile b = InputFile::Open(folder.File("b.wav")).value();
    a = std::move(b);
    EXPECT_EQ(ReadText(a, 0, 2), "bb");
    InputFile c = std::move(a);
    EXPECT_EQ(c.size_bytes(), 2u);
    EXPECT_EQ(ReadText(c, 0, 2), "bb");
    OpenError(folder.path());
  }
  EXPECT_EQ(NumOpenFiles(), before);
}

TEST(InputFileTest, TellsWhetherItHasChangedSinceItWasOpened) {
  const TempFolder folder;
  const std::string path = folder.File("a.wav");
  WriteWholeFile(path, "abc");
  MakeOld(path);
  const InputFile file = InputFile::Open(path, ByteRange{1, 2}).value();
  EXPECT_TRUE(file.CheckUnchanged().ok());
  WriteWholeFile(path, "abd");
  const Result<void> changed = file.CheckUnchanged();
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().code, RejectCode::kChangedSincePlan);
}

TEST(InputFileTest, IsNotInheritedByOtherPrograms) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a.wav"), "x");
  const int next_fd = open("/dev/null", O_RDONLY);
  close(next_fd);
  const Result<InputFile> file = InputFile::Open(folder.File("a.wav"));
  ASSERT_TRUE(file.ok());
  EXPECT_NE(fcntl(next_fd, F_GETFD) & FD_CLOEXEC, 0);
}

}  // namespace
}  // namespace melmill
